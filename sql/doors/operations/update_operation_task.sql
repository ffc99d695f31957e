-- Reads: what operation_task_json reads   Writes: tasks, and what its triggers write
create or replace function pgjobs.update_operation_task(_id text, _change jsonb, _actor text)
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
  _task pgjobs.tasks;
  _shown jsonb;
  _key text;
begin
  select * into _task from pgjobs.tasks t where t.id = _number for update;
  if not found then
    perform pgjobs.operation_task_id(_id);
  end if;
  _shown := pgjobs.operation_task_json(_task);
  perform pgjobs.check_known_keys(_change, '', array(select jsonb_object_keys(_shown)));
  -- Whoever sends back what was read changes nothing by it.
  select e.key into _key from jsonb_each(_change) e
  where e.key not in ('active', 'name', 'description', 'schedule', 'status', 'state', 'executions', 'user')
    and e.value not in ('null', _shown -> e.key) and not (e.key = 'id' and e.value = to_jsonb(_number))
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'forbidden_field', _key, format('%s: it can''t be changed', _key),
      'active, name, description and schedule can; for another job create another task');
  end if;
  perform pgjobs.write_operation_task(pgjobs.read_operation_task(_change, _task));
  select * into _task from pgjobs.tasks t where t.id = _number;
  perform set_config('pgjobs.actor', _former, true);
  return jsonb_build_object('id', _number::text, 'task', pgjobs.operation_task_json(_task));
end;
$$;
comment on function pgjobs.update_operation_task(text, jsonb, text) is
  'Changes a task on behalf of the actor: active, name, description and schedule, of which each of start, stop and repeating that is given takes the place of the former one. Answers with {"id", "task"}; refuses (PJ400, PJ404).';
