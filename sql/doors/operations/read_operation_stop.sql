-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_operation_stop(_stop jsonb, _start timestamptz, out stop_at timestamptz, out stop_after text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.check_known_keys(_stop, 'schedule.stop', '{date,delayed}');
  stop_at := pgjobs.read_given_moment(_stop -> 'date', 'schedule.stop.date');
  stop_after := pgjobs.read_whole(_stop -> 'delayed', 'schedule.stop.delayed', 1, 3155760000000) || ' milliseconds';
  if num_nonnulls(stop_at, stop_after) = 2 then
    perform pgjobs.refuse('PJ400', 'bad_request', 'schedule.stop', 'schedule.stop: it has a date and a delay', 'give one of them, or neither for no end');
  end if;
  if stop_at <= _start then
    perform pgjobs.refuse('PJ400', 'bad_request', 'schedule.stop.date',
      format('schedule.stop.date: %s is not after the start, %s', pgjobs.moment_text(stop_at), pgjobs.moment_text(_start)), 'give a later one, or none');
  end if;
end;
$$;
comment on function pgjobs.read_operation_stop(jsonb, timestamptz) is
  'When a job stops, by schedule.stop of its request: {"date"}, {"delayed": milliseconds, counted from its first start}, or {} for never. Refuses (PJ400) anything else, and a date that is not after the start.';
