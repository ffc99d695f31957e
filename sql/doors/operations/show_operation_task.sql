-- Reads: tasks, and what operation_task_json reads   Writes: nothing
create or replace function pgjobs.show_operation_task(_id text, out answer jsonb, out revision text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('task', pgjobs.operation_task_json(t)), t.xmin::text from pgjobs.tasks t where t.id = pgjobs.operation_task_id(_id);
$$;
comment on function pgjobs.show_operation_task(text) is 'A task of the operations, {"task": {...}}, and its revision; refuses (PJ404) where there is none.';
