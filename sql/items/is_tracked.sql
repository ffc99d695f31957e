-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.is_tracked(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.tracked and not coalesce(r.dry_run, false)
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  cross join pgjobs.read_params(j.type::text, j.params) r
  where j.id = _job_id;
$$;
comment on function pgjobs.is_tracked(bigint) is
  'Whether the records of a job are kept as items: its type is tracked, and it is no dry run.';
