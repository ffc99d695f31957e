-- Reads: tasks, task_progress   Writes: nothing
create or replace function pgjobs.task_state(_task_id bigint)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p.finished_at is not null then 'FINISHED'
    when t.active then 'ACTIVE' else 'INACTIVE' end
  from pgjobs.tasks t
  left join pgjobs.task_progress p on p.task_id = t.id
  where t.id = _task_id;
$$;
comment on function pgjobs.task_state(bigint) is
  'ACTIVE; INACTIVE, for it is paused; or FINISHED, for no job of it waits and there will be none. Null: there is no such task.';
