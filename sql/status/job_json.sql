-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.job_json(_id bigint)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select pgjobs.jobs_json(array[_id]) -> 0;
$$;
comment on function pgjobs.job_json(bigint) is
  'One job as JSON: its row, its progress, why it does not move, and the items of a tracked one; null when there is none. Where something of it cannot be computed, the rest is told.';
