-- Reads: what operation_task_json reads   Writes: tasks, and what its triggers write
create or replace function pgjobs.delete_operation_task(_id text, _actor text, _revisions text[])
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _task constant pgjobs.tasks := pgjobs.lock_operation_task(_id, _revisions);
  _answer constant jsonb := jsonb_build_object('id', _task.id::text, 'task', pgjobs.operation_task_json(_task));
begin
  delete from pgjobs.tasks t where t.id = _task.id;
  perform set_config('pgjobs.actor', _former, true);
  return _answer;
end;
$$;
comment on function pgjobs.delete_operation_task(text, text, text[]) is
  'Deletes a task on behalf of the actor, with its job that waits; jobs that have begun go on. Answers with what the task was, {"id", "task"}; refuses (PJ404) where there is none, and (PJ412) where it is at none of the revisions.';
