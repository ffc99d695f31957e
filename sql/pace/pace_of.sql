-- Reads: xmp_jobs, xmp_job_types, shards   Writes: nothing
create or replace function pgjobs.pace_of(
  _job_id bigint,
  out type text, out rate numeric, out type_rate numeric, out max_backlog bigint, out shared_backlog boolean, out queue text, out stop_at timestamptz,
  out schedule jsonb, out budget jsonb)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select j.type::text, j.rate, t.rate, coalesce(j.max_backlog, t.max_backlog), j.max_backlog is null,
    case when t.exchange = '' then t.routing_key else t.queue end,
    least(j.stop_at, (select p.started_at from pgjobs.shards p where p.job_id = j.id and p.shard = 0) + (s.schedule ->> 'stop_after')::interval),
    s.schedule, t.budget || j.budget
  from public.xmp_jobs j
  left join public.xmp_job_types t on t.name = j.type::text
  cross join lateral (select t.schedule || j.schedule) s (schedule)
  where j.id = _job_id;
$$;
comment on function pgjobs.pace_of(bigint) is
  'What limits a job: its own values, and where it has none those of its type; the moment from which on nothing is published, once it has started; shared_backlog: max_backlog is the type''s and counts for all its jobs.';
