-- Reads: tasks, xmp_job_types   Writes: nothing (locks the row)
create or replace function pgjobs.lock_operation_task(_id text, _revisions text[])
returns pgjobs.tasks
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _number constant bigint := pgjobs.operation_task_id(_id);
  _task pgjobs.tasks;
  _present text;
begin
  select t.* into _task from pgjobs.tasks t where t.id = _number for update;
  if not found then
    -- Somebody has just deleted it.
    perform pgjobs.operation_task_id(_id);
  end if;
  _present := (select t.xmin::text from pgjobs.tasks t where t.id = _number);
  if _present <> all (_revisions) then
    perform pgjobs.refuse('PJ412', 'changed', 'If-Match', format('task %s was changed meanwhile', _number), 'read it again, and decide anew', 'pgjobs.tasks');
  end if;
  return _task;
end;
$$;
comment on function pgjobs.lock_operation_task(text, text[]) is
  'A task of the operations, locked until the end of the transaction. Refuses (PJ404) where there is none, and (PJ412) where it is at none of these revisions, as If-Match names them; null: at any.';
