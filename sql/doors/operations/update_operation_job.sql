-- Reads: shards, entities   Writes: xmp_jobs, items
create or replace function pgjobs.update_operation_job(
  _id text, _change jsonb, _most integer, _actor text, _revisions text[], out answer jsonb, out revision text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _number constant bigint := pgjobs.operation_job_id(_id);
  _former constant text := pgjobs.set_actor(_actor);
  _job public.xmp_jobs;
  _wanted record;
  _new public.xmp_jobs;
  _state text;
  _started boolean;
  _refused jsonb;
begin
  select * into _job from public.xmp_jobs j where j.id = _number for update;
  perform pgjobs.expect_revision(_number, _revisions);
  select * into _wanted from pgjobs.read_operation_change(_job, _change, _most);
  _state := pgjobs.job_state(_job);
  _started := _job.status::text <> 'ready' or exists (select from pgjobs.shards p where p.job_id = _number and p.started_at is not null);
  if _state in ('cancelling', 'cancelled', 'finished', 'ended_broken') then
    perform pgjobs.refuse_job_state(format('job %s has ended: create a new one', _number));
  elsif _started then
    if _wanted.changes then
      perform pgjobs.refuse_job_state(format('job %s has started: nothing but active can be changed', _number));
    elsif _wanted.active and _job.active and _state not in ('paused', 'broken', 'stopping', 'stopped')
          or not _wanted.active and (_state in ('broken', 'stopping', 'stopped') or _state = 'paused' and not _job.active) then
      perform pgjobs.refuse_job_state(case when _wanted.active then 'it is active already' else 'it is paused already' end);
    elsif not _wanted.active then
      perform pgjobs.pause_job(_number);
    elsif _wanted.active and (not _job.active or _state in ('broken', 'stopping', 'stopped')) then
      perform pgjobs.resume_job(_number);
    end if;
  else
    if _wanted.changes and _job.active and _wanted.active is distinct from false then
      perform pgjobs.refuse_job_state(format('job %s is active: set active to false first', _number));
    end if;
    if _wanted.changes then
      if not _wanted.active then
        update public.xmp_jobs j set active = false where j.id = _number and j.active;
      end if;
      _new := _wanted.job;
      update public.xmp_jobs j
      set notify = _new.notify, callback_url = _new.callback_url, notes = _new.notes, run_at = _new.run_at, stop_at = _new.stop_at,
          schedule = _new.schedule, params = _new.params, request = _new.request
      where j.id = _number;
      _refused := pgjobs.add_operation_targets(_number, _wanted.added, _wanted.removed);
      if _new.params is distinct from _job.params then
        perform pgjobs.expand_soon(_number);
      end if;
    end if;
    if _wanted.active and not _job.active then
      perform pgjobs.activate_operation_job(_number, coalesce(_refused, '{}'));
    elsif not _wanted.active then
      update public.xmp_jobs j set active = false where j.id = _number and j.active;
    end if;
  end if;
  select pgjobs.operation_job_json(j), j.xmin::text into answer, revision from public.xmp_jobs j where j.id = _number;
  if _refused is not null then
    answer := jsonb_set(answer, '{report,target}', _refused);
  end if;
  perform set_config('pgjobs.actor', _former, true);
end;
$$;
comment on function pgjobs.update_operation_job(text, jsonb, integer, text, text[]) is
  'Changes a job of the operations as {"request"} says: whether it is active, and, while it is neither active nor started, how it is scheduled, whom it tells, and its entities. Refuses (PJ400, PJ404, PJ409, PJ412). Answers with the job, and in report.target with the entities that were refused.';
