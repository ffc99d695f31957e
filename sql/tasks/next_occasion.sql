-- Reads: nothing   Writes: nothing
create or replace function pgjobs.next_occasion(_task pgjobs.tasks, _after timestamptz)
returns timestamptz
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _at timestamptz;
begin
  if _after > '9000-01-01' then
    return null;
  end if;
  _after := greatest(_after, _task.starts_at - interval '1 microsecond');
  _at := case when _task.repeating ? 'period' then pgjobs.period_occasion(_task.repeating -> 'period', _task.starts_at, _after)
              else pgjobs.pattern_occasion(_task.repeating -> 'pattern', _after) end;
  return case when _at < coalesce(_task.stops_at, '9000-01-01') then _at end;
end;
$$;
comment on function pgjobs.next_occasion(pgjobs.tasks, timestamptz) is
  'The first moment after another one at which a task has an occasion: from starts_at on, before stops_at. Null: there is none. How many jobs it has made already plays no part.';
