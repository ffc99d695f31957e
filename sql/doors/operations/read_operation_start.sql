-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_operation_start(_start jsonb)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _date timestamptz;
  _delayed bigint;
begin
  perform pgjobs.check_known_keys(_start, 'schedule.start', '{date,delayed}');
  _date := pgjobs.read_given_moment(_start -> 'date', 'schedule.start.date');
  _delayed := pgjobs.read_whole(_start -> 'delayed', 'schedule.start.delayed', 0, 3155760000000);
  if num_nonnulls(_date, _delayed) = 2 then
    perform pgjobs.refuse('PJ400', 'bad_request', 'schedule.start', 'schedule.start: it has a date and a delay', 'give one of them, or neither to start now');
  end if;
  return greatest(pgjobs.now(), _date, pgjobs.now() + _delayed * interval '1 millisecond');
end;
$$;
comment on function pgjobs.read_operation_start(jsonb) is
  'When a job starts that is activated now, by schedule.start of its request: {"date"}, {"delayed": milliseconds}, or {} for now; not before now. Refuses (PJ400) anything else.';
