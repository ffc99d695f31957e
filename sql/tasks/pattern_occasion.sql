-- Reads: nothing   Writes: nothing
create or replace function pgjobs.pattern_occasion(_pattern jsonb, _after timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _months constant text[] := '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}';
  _zone constant text := coalesce(_pattern ->> 'zone', substring(_pattern ->> 'time' from '[Z+-].*$'), 'UTC');
  _time constant time := substring(_pattern ->> 'time' from '^[0-9:]+');
  _days constant jsonb := _pattern #> '{weekly,days}';
  _day constant integer := coalesce(_pattern #>> '{monthly,day}', _pattern #>> '{yearly,day}')::numeric;
  _in_months constant jsonb := coalesce(_pattern #> '{monthly,months}', _pattern #> '{yearly}' -> 'month');
  -- The moment may be past midnight elsewhere, and a time that a day lacks may come on the next one.
  _from constant date := (_after at time zone 'UTC')::date - 2;
  _date date;
  _at timestamptz;
begin
  -- A week and the margin; nine years of months, for between two leap years there may be eight.
  for _step in 0 .. case when _day is null then 11 else 109 end loop
    if _day is null then
      _date := _from + _step;
      continue when not _days ? to_char(_date, 'DY');
    else
      _date := (date_trunc('month', _from::timestamp) + make_interval(months => _step))::date;
      continue when not _in_months ? _months[extract(month from _date)::integer]
                 or _day > extract(day from _date + interval '1 month - 1 day');
      _date := _date + _day - 1;
    end if;
    _at := pgjobs.instant(_date + _time, _zone, false);
    if _at > _after then
      return _at;
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.pattern_occasion(jsonb, timestamptz) is
  'The first occasion of a pattern after a moment: the time that the clock of its zone shows, on its days. Where a day lacks that time, the first instant after the gap; where it comes twice, the first one. A month that is too short for its day has no occasion.';
