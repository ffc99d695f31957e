-- Reads: tasks, task_progress   Writes: task_runs, tasks (a task that goes), and what its trigger writes
create or replace function pgjobs.clear_of_task(_id bigint, _finished_at timestamptz, _most bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone bigint;
begin
  -- While this lock is held nobody lets the task go on.
  perform from pgjobs.tasks t where t.id = _id for update skip locked;
  if not found then
    return case when not exists (select from pgjobs.tasks t where t.id = _id) then 0 end;
  end if;
  if not exists (select from pgjobs.task_progress p where p.task_id = _id and p.finished_at = _finished_at) then
    return 0;
  end if;
  -- A task may have made a job each minute for years.
  delete from pgjobs.task_runs r
  where r.ctid = any (array(select x.ctid from pgjobs.task_runs x where x.task_id = _id limit _most));
  get diagnostics _gone = row_count;
  if _gone < _most then
    delete from pgjobs.tasks t where t.id = _id;
    _gone := _gone + 1;
  end if;
  return _gone;
end;
$$;
comment on function pgjobs.clear_of_task(bigint, timestamptz, bigint) is
  'Clears a task that finished at this moment, after what is kept of its runs; so many rows at most. Its jobs stay. Returns how many rows went; null: not now, for somebody is changing it.';
