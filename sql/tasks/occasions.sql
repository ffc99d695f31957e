-- Reads: tasks, task_progress   Writes: nothing
create or replace function pgjobs.occasions(_task_id bigint, _n bigint default 10)
returns table (run bigint, occasion timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _task pgjobs.tasks;
  _progress pgjobs.task_progress;
  _after timestamptz;
begin
  perform pgjobs.need_limit(_n);
  select * into _task from pgjobs.tasks t where t.id = _task_id;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_task', 'id', format('there is no task %s', _task_id), 'look up the id in pgjobs.tasks', 'pgjobs.tasks');
  end if;
  select * into _progress from pgjobs.task_progress p where p.task_id = _task_id;
  run := _progress.runs;
  _after := greatest(pgjobs.now(), _progress.last_occasion, _progress.occasion);
  occasion := _progress.occasion;
  if occasion is null then
    run := run + 1;
    occasion := pgjobs.next_occasion(_task, _after);
  end if;
  for _number in 1 .. coalesce(_n, 10) loop
    exit when occasion is null or run > _task.most_runs;
    return next;
    run := run + 1;
    occasion := pgjobs.next_occasion(_task, greatest(_after, occasion));
  end loop;
end;
$$;
comment on function pgjobs.occasions(bigint, bigint) is
  'The coming occasions of a task, each with the number of its run, the one whose job waits first; 10 unless told, 1000 at most. Those that pass while no daemon runs are left out later and have no run.';
