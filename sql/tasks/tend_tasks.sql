-- Reads: tasks, xmp_jobs   Writes: task_progress, what leave_task_job writes
create or replace function pgjobs.tend_tasks()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _id bigint;
  _job_id bigint;
  _waits boolean;
  _tended bigint := 0;
begin
  for _id in
    select p.task_id from pgjobs.task_progress p where p.check_at <= pgjobs.now() order by p.check_at, p.task_id limit 100
  loop
    -- Somebody who is changing the task brings its job in step.
    perform from pgjobs.tasks t where t.id = _id for update skip locked;
    continue when not found;
    _job_id := (select p.job_id from pgjobs.task_progress p where p.task_id = _id);
    perform from public.xmp_jobs j where j.id = _job_id for update skip locked;
    -- Somebody who is changing the job makes the next one.
    continue when not found and exists (select from public.xmp_jobs j where j.id = _job_id);
    -- One that somebody has put off beyond its moment does not stand for the task any more.
    select coalesce(bool_or(j.status::text = 'ready' and case when pgjobs.utc(j.run_at) > pgjobs.now() then p.occasion > pgjobs.now() else j.active end), false)
      into _waits
    from public.xmp_jobs j join pgjobs.task_progress p on p.task_id = _id where j.id = _job_id;
    if _waits then
      update pgjobs.task_progress p set check_at = pgjobs.now() + interval '1 min' where p.task_id = _id and p.job_id = _job_id;
    else
      perform pgjobs.leave_task_job(_id, _job_id);
      _tended := _tended + 1;
    end if;
  end loop;
  return _tended;
end;
$$;
comment on function pgjobs.tend_tasks() is
  'Looks after tasks whose moment has come: makes the next job where that was refused before, where the one that waits was held back or put off beyond its moment, or where it has gone without a trace. A hundred at a time; returns how many it has moved on.';
