-- Reads: xmp_jobs   Writes: xmp_jobs (status, active, run_at), events
create or replace function pgjobs.resume_job(_id bigint, _actor text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _remark jsonb := '{}';
begin
  -- One that is paused, or held by a rule of its own, goes on in its state.
  update public.xmp_jobs j set active = true where j.id = _id and j.status::text in ('ready', 'in progress') and not j.active;
  if not found then
    perform pgjobs.expect_status(_id, 'resumed', '{canceled,error}');
    _remark := pgjobs.remark_run_at(_id, (select pgjobs.utc(j.run_at) from public.xmp_jobs j where j.id = _id));
    update public.xmp_jobs j
    set status = 'ready', active = true, run_at = least(j.run_at, pgjobs.now())
    where j.id = _id;
  end if;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id) || _remark;
end;
$$;
comment on function pgjobs.resume_job(bigint, text) is
  'Makes a job ready that was stopped or broke off, to run now and continue after its last confirmed record; lets one that is paused, held or not active go on, at its run_at if it has not begun; refuses (PJ404, PJ409) otherwise. Answers with the job; where it was planned for later, its remark says which run_at was replaced by now. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
