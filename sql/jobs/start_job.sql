-- Reads: xmp_jobs   Writes: xmp_jobs (run_at), events
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
  _remark jsonb;
begin
  perform pgjobs.expect_status(_id, 'started', '{ready}');
  _remark := pgjobs.remark_run_at(_id, (select pgjobs.utc(j.run_at) from public.xmp_jobs j where j.id = _id));
  update public.xmp_jobs j set run_at = pgjobs.now(), active = true, start_asked = true where j.id = _id;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id) || _remark;
end;
$$;
comment on function pgjobs.start_job(bigint, text) is
  'Runs a ready job now; refuses (PJ404, PJ409) when there is none or it is not ready. Answers with the job; where it was planned for later, its remark says which run_at was replaced by now. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
