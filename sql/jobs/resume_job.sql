-- Reads: xmp_jobs   Writes: xmp_jobs (status, run_at)
create or replace function pgjobs.resume_job(_id bigint)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform pgjobs.expect_status(_id, 'resumed', '{canceled,error}');
  update public.xmp_jobs j
  set status = 'ready', active = true, run_at = least(j.run_at, pgjobs.now())
  where j.id = _id;
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.resume_job(bigint) is
  'Makes a canceled or broken off job ready, to run now and continue after its last confirmed record; refuses (PJ404, PJ409) otherwise. Answers with the job.';
