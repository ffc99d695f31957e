-- Reads: xmp_jobs   Writes: xmp_jobs (run_at)
create or replace function pgjobs.start_job(_id bigint, _actor text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
begin
  perform pgjobs.expect_status(_id, 'started', '{ready}');
  update public.xmp_jobs j set run_at = pgjobs.now(), active = true, start_asked = true where j.id = _id;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.start_job(bigint, text) is
  'Runs a ready job now; refuses (PJ404, PJ409) when there is none or it is not ready. Answers with the job. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
