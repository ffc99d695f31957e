-- Reads: holidays   Writes: nothing
create or replace function pgjobs.window_span(_window pgjobs.window_parts, _day date)
returns tstzrange
language plpgsql
stable
as $$
declare
  _opens timestamptz;
  _closes timestamptz;
  _end date := _day + (_window.stop <= _window.start)::integer;
  _ahead integer := 1;
begin
  if _window.days & (1 << extract(isodow from _day)::integer - 1) = 0 then
    return null;
  end if;
  -- In one condition both would be planned anew for each day that has no holidays.
  if _window.holidays is not null then
    if exists (select from pgjobs.holidays h where h.calendar = _window.holidays and h.day = _day) then
      return null;
    end if;
  end if;
  -- Windows of 24 hours touch each other: up to the first day that has none it is one span.
  if _window.stop = _window.start then
    while _ahead < 7 and _window.days & (1 << extract(isodow from _day + _ahead)::integer - 1) <> 0 loop
      _ahead := _ahead + 1;
    end loop;
    _end := case when _ahead < 7 then _day + _ahead else 'infinity' end;
    if _window.holidays is not null then
      _end := least(_end, (select min(h.day) from pgjobs.holidays h where h.calendar = _window.holidays and h.day > _day));
    end if;
  end if;
  _opens := pgjobs.instant(_day + _window.start, _window.zone, false);
  _closes := pgjobs.instant(_end + _window.stop, _window.zone, true);
  -- Both may lie in the same gap.
  return case when _closes > _opens then tstzrange(_opens, _closes) end;
end;
$$;
comment on function pgjobs.window_span(pgjobs.window_parts, date) is
  'From when until when the window that begins on this day is open; null where it has none: not one of its days, a holiday, or a time that a change to daylight saving leaves out. Of a window of 24 hours, until the first day without one (infinity: there is none).';
