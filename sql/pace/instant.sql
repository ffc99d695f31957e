-- Reads: the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.instant(_local timestamp, _zone text, _last boolean)
returns timestamptz
language plpgsql
stable
strict
as $$
declare
  _name constant text := pgjobs.zone_name(_zone);
  -- Of a time that comes twice PostgreSQL takes the last one, of one that is missing the offset from before the gap.
  _at timestamptz := _local at time zone _name;
  _shown constant timestamp := _at at time zone _name;
  _earlier timestamptz;
  _low bigint;
  _high bigint;
  _middle bigint;
begin
  if _shown = _local then
    if not _last and isfinite(_at) then
      -- The same time by the offset of the day before: with it the clock has shown it already, if it was put back since.
      _earlier := _at - interval '26 hours';
      _earlier := _at - ((_earlier at time zone _name) - (_earlier at time zone 'UTC') - (_local - (_at at time zone 'UTC')));
      if _earlier < _at and _earlier at time zone _name = _local then
        return _earlier;
      end if;
    end if;
    return _at;
  end if;
  -- The time is missing: the gap ends between the same time with the offset after it and with the one before it.
  _low := floor(extract(epoch from _at - (_shown - _local)));
  _high := ceil(extract(epoch from _at));
  while _high - _low > 1 loop
    _middle := (_low + _high) / 2;
    if to_timestamp(_middle) at time zone _name > _local then
      _high := _middle;
    else
      _low := _middle;
    end if;
  end loop;
  return to_timestamp(_high);
end;
$$;
comment on function pgjobs.instant(timestamp, text, boolean) is
  'When the clock of the zone shows this time: of two such moments the first one, or the last one (_last). Where a change to daylight saving leaves the time out, the first moment after the gap.';
