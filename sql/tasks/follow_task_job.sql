-- Reads: tasks   Writes: task_progress, task_runs, events, what leave_task_job writes
create or replace function pgjobs.follow_task_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _occasion timestamptz;
begin
  if tg_op = 'INSERT' then
    update pgjobs.task_progress p set job_id = new.id
    where p.task_id = new.task_id and p.job_id is null and p.occasion is not null
    returning p.occasion into _occasion;
    if not found then
      perform pgjobs.refuse('PJ400', 'by_hand', 'task_id', 'task_id: only a task writes this column', 'leave task_id out');
    end if;
    insert into pgjobs.task_runs (task_id, occasion, job_id) values (new.task_id, _occasion, new.id);
    perform pgjobs.add_event(new.id, null, null, format('made by task %s for %s', new.task_id, pgjobs.moment_text(_occasion)));
  elsif tg_op = 'UPDATE' then
    if new.task_id is distinct from old.task_id then
      perform pgjobs.refuse('PJ400', 'by_hand', 'task_id', 'task_id: only a task writes this column', 'leave task_id as it is');
    end if;
    if old.status::text = 'ready' and new.status::text <> 'ready'
       or old.active and not new.active and pgjobs.utc(new.run_at) <= pgjobs.now()
          and exists (select from pgjobs.tasks t where t.id = new.task_id and t.active)
    then
      perform pgjobs.leave_task_job(new.task_id, new.id);
    end if;
  else
    perform pgjobs.leave_task_job(old.task_id, old.id);
    delete from pgjobs.task_runs r where r.job_id = old.id;
  end if;
  return null;
end;
$$;
comment on function pgjobs.follow_task_job() is
  'Trigger: the next job of a task is made as soon as the one that waits starts, ends, is deleted, or is held back after its moment. Only a task writes task_id.';
