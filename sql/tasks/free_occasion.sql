-- Reads: task_runs   Writes: nothing
create or replace function pgjobs.free_occasion(_task pgjobs.tasks, _after timestamptz, _job_id bigint default null)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _at timestamptz := _after;
begin
  -- Runs are finite, so this ends: after a change of the repetition or of the clock, occasions may come that have had their job.
  loop
    _at := pgjobs.next_occasion(_task, _at);
    exit when _at is null or not exists (
      select from pgjobs.task_runs r where r.task_id = _task.id and r.occasion = _at and r.job_id is distinct from _job_id);
  end loop;
  return _at;
end;
$$;
comment on function pgjobs.free_occasion(pgjobs.tasks, timestamptz, bigint) is
  'The first occasion of a task after a moment that has no job yet, or has this one.';
