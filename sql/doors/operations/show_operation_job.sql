-- Reads: xmp_jobs, and what operation_job_json reads   Writes: nothing
create or replace function pgjobs.show_operation_job(_id text, out answer jsonb, out revision text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object('job', pgjobs.operation_job_json(j)), j.xmin::text
  from public.xmp_jobs j
  where j.id = pgjobs.operation_job_id(_id);
$$;
comment on function pgjobs.show_operation_job(text) is
  'A job of the operations, {"job": {"id", "taskId", "request", "report"}}, and its revision; refuses (PJ404) where there is none.';
