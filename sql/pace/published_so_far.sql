-- Reads: xmp_jobs, xmp_job_types, shards   Writes: nothing
create or replace function pgjobs.published_so_far(_job_id bigint)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select sum(p.sent + p.returned)::bigint
  from pgjobs.pace_of(_job_id) c
  join public.xmp_jobs j on j.id = _job_id or c.shared_backlog and j.type::text = c.type and j.status::text = 'in progress'
  join pgjobs.shards p on p.job_id = j.id;
$$;
comment on function pgjobs.published_so_far(bigint) is
  'How many messages the jobs have published together that share the backlog of this one. Asked before the queue is measured: what is published after that may not be in the measure.';
