-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.orders(_job_id bigint)
returns table (verdict text, pause interval, reason text)
language sql
stable
as $$
  select case when j.status::text = 'in progress' then 'go' else 'stop' end, null::interval, null::text
  from public.xmp_jobs j
  where j.id = _job_id;
$$;
comment on function pgjobs.orders(bigint) is
  'What the run of a shard has to do next: go on; wait, that is park the shard for so long and for this reason at the end of its window; or stop. Every renewal and every checkpoint is answered with it.';
