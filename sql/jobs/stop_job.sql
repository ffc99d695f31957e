-- Reads: xmp_jobs   Writes: xmp_jobs (status)
create or replace function pgjobs.stop_job(_id bigint, _actor text default null)
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
  perform pgjobs.expect_status(_id, 'stopped', '{ready,in progress}');
  update public.xmp_jobs j set status = 'canceled' where j.id = _id;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.stop_job(bigint, text) is
  'Stops a ready or running job; refuses (PJ404, PJ409) when there is none or it has ended. It can be resumed and continues after the last confirmed record. Answers with the job. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
