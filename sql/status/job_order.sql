-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.job_order(_job_id bigint)
returns table (status text, descending boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select j.status::text, (pgjobs.read_params(j.type::text, j.params)).descending from public.xmp_jobs j where j.id = _job_id;
$$;
comment on function pgjobs.job_order(bigint) is
  'The state of a job, and whether its keys go down; no row when there is no such job. What a check of its log begins with.';
