-- Reads: xmp_job_types, entities   Writes: tasks, xmp_jobs, items, requests
create or replace function pgjobs.create_operation_task(_task json, _resource_type text, _most integer, _actor text, _once jsonb, out answer jsonb, out revision text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _given constant jsonb := _task::jsonb;
  _request jsonb := nullif(_given #> '{job,request}', 'null');
  _job public.xmp_jobs;
  _added jsonb;
  _new pgjobs.tasks;
begin
  answer := pgjobs.known_request(_actor, _once);
  if answer is not null then
    revision := (select t.xmin::text from pgjobs.tasks t where t.id = (answer ->> 'id')::bigint);
    return;
  end if;
  perform pgjobs.check_known_keys(_given, '', '{active,name,description,job,schedule}');
  if coalesce(_given -> 'job', 'null') = 'null' then
    perform pgjobs.refuse('PJ400', 'bad_request', 'task.job', 'task.job: it is missing', 'say what its jobs do: {"task": {"job": {"request": {"name": "..."}}, ...}}');
  end if;
  perform pgjobs.check_known_keys(_given -> 'job', 'job', '{request}');
  if _request is null then
    perform pgjobs.refuse('PJ400', 'bad_request', 'task.job.request', 'task.job.request: it is missing',
      'say what its jobs do: {"task": {"job": {"request": {"name": "..."}}, ...}}');
  end if;
  if pgjobs.read_given_flag(_request -> 'active', 'job.request.active') is false then
    perform pgjobs.refuse('PJ400', 'bad_request', 'job.request.active', 'job.request.active: it is false, and a task makes jobs that start on their own',
      'leave it out; set active of the task to false to pause it');
  elsif coalesce(_request #> '{schedule,start}', 'null') not in ('null', '{}') then
    perform pgjobs.refuse('PJ400', 'bad_request', 'job.request.schedule.start', 'job.request.schedule.start: the task says when its jobs start',
      'leave it out, and give the schedule of the task');
  elsif coalesce(_request #> '{schedule,stop,date}', 'null') <> 'null' then
    perform pgjobs.refuse('PJ400', 'bad_request', 'job.request.schedule.stop.date', 'job.request.schedule.stop.date: each job of a task would stop at that moment',
      'give {"delayed": milliseconds}, counted from the start of each job');
  end if;
  select r.added into _added from pgjobs.read_operation_request(_request, _resource_type, _most) r;
  select (r.job).* into _job from pgjobs.read_operation_request(_request, _resource_type, _most) r;
  _new.active := true;
  _new.starts_at := pgjobs.now();
  _new := pgjobs.read_operation_task(_given, _new);
  _new.name := coalesce(nullif(_new.name, ''), _job.name);
  _new.type := _job.type;
  _new.params := _job.params;
  _new.callback_url := _job.callback_url;
  _new.schedule := _job.schedule;
  _new.rules := _job.rules;
  _new.notify := _job.notify;
  _new.notes := _job.notes;
  _new.request := _request;
  _new.submitted_by := _actor;
  _new.id := pgjobs.write_operation_task(_new);
  select jsonb_build_object('id', t.id::text, 'task', pgjobs.operation_task_json(t), 'report', jsonb_build_object('target', pgjobs.judge_targets(_job, _added))), t.xmin::text into answer, revision
  from pgjobs.tasks t where t.id = _new.id;
  perform pgjobs.keep_request(_actor, _once, answer);
  perform set_config('pgjobs.actor', _former, true);
end;
$$;
comment on function pgjobs.create_operation_task(json, text, integer, text, jsonb) is
  'Creates a task of {"active", "name", "description", "job": {"request"}, "schedule"} on behalf of the actor, and with it its first job. Entities that the request lists, _most at most, are appended to each job. Answers with {"id", "task", "report"}, report.target as for a new job, and its revision; refuses (PJ400) what can''t be right. _once: the same request under the same key gets the same answer again.';
