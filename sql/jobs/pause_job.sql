-- Reads: xmp_jobs   Writes: xmp_jobs (active)
create or replace function pgjobs.pause_job(_id bigint, _actor text default null)
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
  perform pgjobs.expect_status(_id, 'paused', '{ready,in progress}');
  update public.xmp_jobs j set active = false where j.id = _id;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.pause_job(bigint, text) is
  'Holds a ready job back, or pauses a running one: it ends its windows in flight, keeps its state, and goes on there with resume_job(); refuses (PJ404, PJ409) when there is none or it has ended. Answers with the job. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
