-- Reads: xmp_jobs   Writes: xmp_jobs (status)
create or replace function pgjobs.stop_job(_id bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform pgjobs.expect_status(_id, 'stopped', '{ready,in progress}');
  update public.xmp_jobs j set status = 'canceled' where j.id = _id;
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.stop_job(bigint) is
  'Stops a ready or running job; refuses (PJ404, PJ409) when there is none or it has ended. It can be resumed and continues after the last confirmed record. Answers with the job.';
