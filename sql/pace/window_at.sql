-- Reads: holidays   Writes: nothing
create or replace function pgjobs.window_at(
  _windows jsonb, _at timestamptz, _zone text default null, _within interval default '9600 hours')
returns table (open boolean, until timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _end timestamptz;
  _margin constant interval := interval '26 hours';
  _parts pgjobs.window_parts[];
  _part pgjobs.window_parts;
  _span tstzrange;
  _local timestamp;
  _first date;
  _last date;
  _reach timestamptz := _at;
  _leap_at timestamptz := _at + interval '3 days';
  _before timestamptz;
  _next timestamptz;
begin
  if coalesce(jsonb_typeof(_windows), 'null') = 'null' then
    return query select true, null::timestamptz;
    return;
  end if;
  if _at is null or _at not between timestamptz '4000-01-01 00:00 UTC BC' and timestamptz '290000-01-01 00:00 UTC' then
    return query select false, null::timestamptz;
    return;
  end if;
  _end := _at + _within;
  -- Windows that differ in their days alone are one.
  _parts := array(
    select row(bit_or(w.days), w.start, w.stop, w.zone, w.holidays)::pgjobs.window_parts
    from jsonb_array_elements(case jsonb_typeof(_windows) when 'array' then _windows else jsonb_build_array(_windows) end) e
    cross join pgjobs.read_window(e.value, _zone) w
    group by w.start, w.stop, w.zone, w.holidays);
  -- How far the spans reach from here without a gap.
  loop
    _before := _reach;
    foreach _part in array _parts loop
      -- The days whose window may be open: today, and yesterday where it goes over midnight. Where the clock is put back about
      -- now, also those that it has shown before or shows once more.
      _local := _reach at time zone _part.zone;
      _first := least(_local, ((_reach + _margin) at time zone _part.zone) - _margin)::date - (_part.stop <= _part.start)::integer;
      _last := greatest(_local, ((_reach - _margin) at time zone _part.zone) + _margin)::date;
      for _ahead in 0 .. _last - _first loop
        _span := pgjobs.window_span(_part, _first + _ahead);
        if _span @> _reach then
          _reach := upper(_span);
          exit;
        end if;
      end loop;
      exit when _reach > _end;
    end loop;
    exit when _reach = _before or _reach > _end;
    if _reach > _leap_at then
      -- So long without a gap: perhaps there is none.
      _reach := greatest(_reach, pgjobs.window_leap(_parts, _reach));
      exit when _reach > _end;
      _leap_at := _reach + interval '8 days';
    end if;
  end loop;
  if _reach > _at then
    return query select true, case when _reach <= _end then _reach end;
    return;
  end if;
  foreach _part in array _parts loop
    _first := (_at at time zone _part.zone)::date;
    for _ahead in 0 .. (_end at time zone _part.zone)::date - _first loop
      _span := pgjobs.window_span(_part, _first + _ahead);
      if lower(_span) > _at then
        _next := least(_next, lower(_span));
        exit;
      end if;
    end loop;
  end loop;
  return query select false, case when _next <= _end then _next end;
end;
$$;
comment on function pgjobs.window_at(jsonb, timestamptz, text, interval) is
  'Whether one of the windows (an object or a list, null: always) is open at this moment, and until when that stays so; null: longer than _within, 400 days. _zone takes the place of the windows'' own zones.';
