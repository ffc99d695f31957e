-- Reads: tasks, task_runs   Writes: task_progress, xmp_jobs (a new row), and what append_items writes
create or replace function pgjobs.make_task_job(_task_id bigint, _after timestamptz default null)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _task pgjobs.tasks;
  _progress pgjobs.task_progress;
  _occasion timestamptz;
  _job jsonb;
  _job_id bigint;
  _added jsonb;
begin
  select * into _progress from pgjobs.task_progress p where p.task_id = _task_id for update;
  select * into _task from pgjobs.tasks t where t.id = _task_id;
  if not found or _progress.task_id is null or _progress.job_id is not null then
    return;
  end if;
  if _task.most_runs is null or _progress.runs < _task.most_runs then
    _occasion := pgjobs.free_occasion(_task, coalesce(_after, greatest(pgjobs.now(), _progress.last_occasion)));
  end if;
  update pgjobs.task_progress p
  set occasion = _occasion, check_at = case when _task.active then _occasion end, trouble = null,
      finished_at = case when _occasion is null then coalesce(p.finished_at, pgjobs.now()) end,
      runs = p.runs + case when _occasion is null then 0 else 1 end
  where p.task_id = _task_id;
  if _occasion is null then
    return;
  end if;
  _job := pgjobs.task_columns(_task) || jsonb_build_object('task_id', _task_id, 'run_at', _occasion, 'active', _task.active);
  perform pgjobs.insert_job(_job);
  -- The trigger of the new row has noted its number here.
  select p.job_id into _job_id from pgjobs.task_progress p where p.task_id = _task_id;
  if _job_id is null then
    raise exception using errcode = 'object_not_in_prerequisite_state',
      message = format('a trigger, a rule or a row security policy suppresses the job of task %s', _task_id);
  end if;
  if pgjobs.lists_entities(_task.request) then
    select t.added into _added from pgjobs.read_operation_target(_task.request -> 'target', 2147483647) t;
    perform pgjobs.add_operation_targets(_job_id, _added, '{}');
  end if;
end;
$$;
comment on function pgjobs.make_task_job(bigint, timestamptz) is
  'Makes the next job of a task that has none waiting, for its first occasion after a moment (else: after now, and after the last one); none if there is no further one. Entities that its request lists are appended to it. Called by whoever holds the row of the task, or the row of the job that has waited until now.';
