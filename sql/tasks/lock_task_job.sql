-- Reads: xmp_jobs, task_progress   Writes: nothing (locks the row of the job)
create or replace function pgjobs.lock_task_job(_task_id bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _job bigint;
  _now bigint;
begin
  loop
    select p.job_id into _job from pgjobs.task_progress p where p.task_id = _task_id;
    perform from public.xmp_jobs j where j.id = _job for update;
    -- Whoever started or ended it meanwhile has made the next one.
    select p.job_id into _now from pgjobs.task_progress p where p.task_id = _task_id;
    exit when _now is not distinct from _job;
  end loop;
  return _job;
end;
$$;
comment on function pgjobs.lock_task_job(bigint) is
  'Locks the job of a task that waits, so that nobody starts or ends it, and returns its number; null: none waits. Locks are taken in the order task, job, progress of the task.';
