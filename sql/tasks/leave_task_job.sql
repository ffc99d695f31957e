-- Reads: nothing   Writes: task_progress, what make_task_job writes
create or replace function pgjobs.leave_task_job(_task_id bigint, _job_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set client_min_messages = 'notice'
as $$
begin
  update pgjobs.task_progress p
  set last_occasion = coalesce(p.occasion, p.last_occasion), job_id = null, occasion = null
  where p.task_id = _task_id and p.job_id is not distinct from _job_id;
  if not found then
    return;
  end if;
  begin
    perform pgjobs.make_task_job(_task_id);
  exception when others or assert_failure then
    -- What keeps the next job from being made, keeps this one neither from its start nor from its end.
    update pgjobs.task_progress p
    set trouble = left(format('its next job could not be made: %s (%s)', sqlerrm, sqlstate), 1000), check_at = pgjobs.now() + interval '1 min'
    where p.task_id = _task_id;
    raise notice using
      message = format('task %s has no next job: %s', _task_id, sqlerrm), constraint = 'task_stuck', schema = 'pgjobs';
  end;
end;
$$;
comment on function pgjobs.leave_task_job(bigint, bigint) is
  'The job of a task waits no longer: its next one is made. Where that is refused, the task says so in task_status, whoever acts on the job gets a notice (task_stuck), and it is tried again every minute. Does nothing if another job of the task waits.';
