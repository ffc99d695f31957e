-- Reads: what next_ended reads   Writes: what clear_of_job and clear_of_task write
create or replace function pgjobs.clear_ended(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _one record;
  _gone bigint;
  _left bigint := _most;
begin
  for _one in select e.id, e.ended_at from pgjobs.next_ended(_rule, _until, 500) e loop
    begin
      _gone := case _rule.what when 'tasks' then pgjobs.clear_of_task(_one.id, _one.ended_at, _left)
                               else pgjobs.clear_of_job(_rule.what, _one.id, _one.ended_at, _left) end;
    exception when others then
      -- Somebody's trigger or foreign key keeps it; the others are cleared all the same.
      _rule.trouble := left(format('%s %s: %s', case _rule.what when 'tasks' then 'task' else 'job' end, _one.id, sqlerrm), 1000);
      _gone := 0;
    end;
    -- Its row is being written: the next call begins with it.
    if _gone is null then
      _rule.next_at := clock_timestamp() + interval '1 minute';
      return _rule;
    end if;
    _rule.cleared := _rule.cleared + _gone;
    _left := _left - _gone;
    if _left <= 0 then
      return _rule;
    end if;
    _rule.done_to := _one.ended_at;
    _rule.done_id := _one.id;
  end loop;
  if not exists (select from pgjobs.next_ended(_rule, _until, 1)) then
    _rule.next_at := clock_timestamp() + interval '1 hour';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_ended(pgjobs.retention, timestamptz, bigint) is
  'Clears what a rule names of jobs, or of tasks, that ended before a moment, in the order of their ends, each end once; so many rows, and 500 jobs or tasks at most. A job that is open, or was resumed, is passed over, and so is a task that goes on. Returns the rule as it is now.';
