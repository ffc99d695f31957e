-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.running_jobs()
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(pgjobs.job_json(j.id) order by j.id), '[]')
  from public.xmp_jobs j
  where j.status = 'in progress';
$$;
comment on function pgjobs.running_jobs() is 'The jobs in progress as a JSON array.';
