-- Reads: what the triggers of tasks read   Writes: tasks, and what its triggers write
create or replace function pgjobs.write_operation_task(_task pgjobs.tasks)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _id bigint := _task.id;
  _code text;
  _field text;
  _hint text;
begin
  if _id is null then
    insert into pgjobs.tasks (name, description, active, type, params, callback_url, schedule, rules, notify, notes, request, submitted_by,
      starts_at, stops_at, most_runs, repeating)
    values (_task.name, _task.description, _task.active, _task.type, _task.params, _task.callback_url, _task.schedule, _task.rules, _task.notify,
      _task.notes, _task.request, _task.submitted_by, _task.starts_at, _task.stops_at, _task.most_runs, _task.repeating)
    returning id into _id;
  else
    update pgjobs.tasks t
    set name = _task.name, description = _task.description, active = _task.active,
        starts_at = _task.starts_at, stops_at = _task.stops_at, most_runs = _task.most_runs, repeating = _task.repeating
    where t.id = _id;
  end if;
  return _id;
exception when sqlstate 'PJ400' then
  get stacked diagnostics _code = constraint_name, _field = column_name, _hint = pg_exception_hint;
  perform pgjobs.refuse('PJ400', _code, pgjobs.operation_task_field(_field),
    case when starts_with(sqlerrm, _field || ': ') then pgjobs.operation_task_field(_field) || substr(sqlerrm, length(_field) + 1) else sqlerrm end, _hint);
end;
$$;
comment on function pgjobs.write_operation_task(pgjobs.tasks) is
  'Inserts a task, or changes the one that has its number; its number. What is refused names the fields as callers of the operations do.';
