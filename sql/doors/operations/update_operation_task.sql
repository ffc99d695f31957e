-- Reads: what operation_task_json reads   Writes: tasks, and what its triggers write
create or replace function pgjobs.update_operation_task(
  _id text, _change jsonb, _actor text, _revisions text[], out answer jsonb, out revision text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _task pgjobs.tasks := pgjobs.lock_operation_task(_id, _revisions);
  _shown jsonb;
  _key text;
begin
  _shown := pgjobs.operation_task_json(_task);
  perform pgjobs.check_known_keys(_change, '', array(select jsonb_object_keys(_shown)));
  -- Whoever sends back what was read changes nothing by it.
  select e.key into _key from jsonb_each(_change) e
  where e.key not in ('active', 'name', 'description', 'schedule', 'status', 'state', 'executions', 'user')
    and e.value not in ('null', _shown -> e.key) and not (e.key = 'id' and e.value = to_jsonb(_task.id))
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'forbidden_field', _key, format('%s: it can''t be changed', _key),
      'active, name, description and schedule can; for another job create another task');
  end if;
  perform pgjobs.write_operation_task(pgjobs.read_operation_task(_change, _task));
  select jsonb_build_object('id', t.id::text, 'task', pgjobs.operation_task_json(t)), t.xmin::text into answer, revision
  from pgjobs.tasks t where t.id = _task.id;
  perform set_config('pgjobs.actor', _former, true);
end;
$$;
comment on function pgjobs.update_operation_task(text, jsonb, text, text[]) is
  'Changes a task on behalf of the actor: active, name, description and schedule, of which each of start, stop and repeating that is given takes the place of the former one. Answers with {"id", "task"} and its revision; refuses (PJ400, PJ404, and PJ412 where it is at none of the revisions).';
