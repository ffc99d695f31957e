-- Reads: what operation_task_json reads   Writes: tasks, and what its triggers write
create or replace function pgjobs.delete_operation_task(_id text, _actor text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _number constant bigint := pgjobs.operation_task_id(_id);
  _former constant text := pgjobs.set_actor(_actor);
  _answer jsonb;
begin
  select jsonb_build_object('id', _number::text, 'task', pgjobs.operation_task_json(t)) into _answer from pgjobs.tasks t where t.id = _number;
  delete from pgjobs.tasks t where t.id = _number;
  if not found then
    perform pgjobs.operation_task_id(_id);
  end if;
  perform set_config('pgjobs.actor', _former, true);
  return _answer;
end;
$$;
comment on function pgjobs.delete_operation_task(text, text) is
  'Deletes a task on behalf of the actor, with its job that waits; jobs that have begun go on. Answers with what the task was, {"id", "task"}; refuses (PJ404) where there is none.';
