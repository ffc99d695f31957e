-- Reads: nothing   Writes: nothing
create or replace function pgjobs.period_occasion(_period jsonb, _starts_at timestamptz, _after timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _each constant bigint := (_period ->> 'each')::numeric;
  _zone constant text := pgjobs.zone_name(coalesce(_period ->> 'zone', 'UTC'));
  _unit constant interval := case _period ->> 'unit' when 'MINUTES' then '1 min' when 'HOURS' then '1 h' end;
  _local constant timestamp := _starts_at at time zone _zone;
  _number bigint;
  _at timestamptz;
begin
  if _after < _starts_at then
    return _starts_at;
  end if;
  if _unit is not null then
    return _starts_at + _unit * _each
      * (div(extract(epoch from _after) - extract(epoch from _starts_at), extract(epoch from _unit) * _each) + 1)::double precision;
  end if;
  -- Days keep the time of day of their zone. The number that is guessed may be one too low, where the clock was changed.
  _number := greatest(((_after at time zone _zone)::date - _local::date) / _each, 1);
  for _try in 0 .. 3 loop
    _at := pgjobs.instant(_local + interval '1 day' * ((_number + _try) * _each), coalesce(_period ->> 'zone', 'UTC'), false);
    if _at > _after then
      return _at;
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.period_occasion(jsonb, timestamptz, timestamptz) is
  'The first occasion of a period after a moment; the first of all is its start. Minutes and hours are elapsed time; days keep the time of day that the clock of their zone (UTC where none is given) shows at the start.';
