-- Reads: what the selector reads   Writes: nothing
create or replace function pgjobs.cut_by_estimates(_job_id bigint, _after_key bigint, _end_key bigint, _estimate bigint, _parts integer)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _sign constant integer := sign(_end_key::numeric - _after_key);
  -- A place is the distance of a key from _after_key: numeric, for keys may be farther apart than a bigint can say.
  _span constant numeric := abs(_end_key::numeric - _after_key);
  _began constant timestamptz := clock_timestamp();
  _place numeric;
  _part_of double precision;
  _even boolean := true;
  _places numeric[] := '{0}';
  _counts numeric[] := '{0}';
  _wanted numeric;
  _low numeric;
  _high numeric;
  _below numeric;
  _above numeric;
  _found numeric;
  _cuts bigint[] := '{}';
begin
  if _after_key is null or _estimate < 10 * _parts then
    return null;
  end if;
  foreach _part_of in array array[0.5, 0.25, 0.382, 0.75] loop
    _place := floor(_span * _part_of::numeric);
    _found := pgjobs.estimate_records(_job_id, _after_key, (_after_key + _sign * _place)::bigint);
    _places := _places || _place;
    _counts := _counts || _found;
    _even := _even and abs(_found - _estimate * _place / _span) <= 0.01 * _estimate;
    exit when not _even;
  end loop;
  if _even or _counts[2] + pgjobs.estimate_records(_job_id, (_after_key + _sign * _places[2])::bigint, _end_key)
              not between 0.75 * _estimate and 1.33 * _estimate
  then
    return null;
  end if;
  _places := _places || _span;
  _counts := _counts || _estimate::numeric;
  for _part in 1 .. _parts - 1 loop
    _wanted := _estimate::numeric * _part / _parts;
    select max(k.place) into _low from unnest(_places, _counts) k (place, n) where k.n <= _wanted;
    select min(k.place) into _high from unnest(_places, _counts) k (place, n) where k.place > _low;
    select max(k.n) filter (where k.place = _low), max(k.n) filter (where k.place = _high) into _below, _above
    from unnest(_places, _counts) k (place, n);
    _place := _high;
    for _turn in 0 .. 100 loop
      exit when _high - _low < 2;
      -- Tables of very many partitions are planned slowly, and an even cut serves as well.
      if clock_timestamp() > _began + interval '5 seconds' then
        return null;
      end if;
      -- A straight line finds the place at once where the keys are even; halving finds it wherever they lie.
      _place := case when _turn % 3 = 0 and _above > _below then _low + (_high - _low) * (_wanted - _below) / (_above - _below)
                     else (_low + _high) / 2 end;
      _place := greatest(_low + 1, least(_high - 1, floor(_place)));
      _found := pgjobs.estimate_records(_job_id, _after_key, (_after_key + _sign * _place)::bigint);
      _places := _places || _place;
      _counts := _counts || _found;
      exit when abs(_found - _wanted) <= 0.05 * _estimate / _parts;
      if _found <= _wanted then
        _low := _place;
        _below := _found;
      else
        _high := _place;
        _above := _found;
      end if;
    end loop;
    if _place < _span then
      _cuts := _cuts || (_after_key + _sign * _place)::bigint;
    end if;
  end loop;
  return array(select distinct c.key from unnest(_cuts) c (key));
end;
$$;
comment on function pgjobs.cut_by_estimates(bigint, bigint, bigint, bigint, integer) is
  'Keys that cut a selection into parts of about as many records each, by what the planner expects between two keys. Null where the keys are even, and where its statistics say nothing: where few records are expected, where the two halves of the keys do not make up the whole, or where it takes the planner more than 5 s.';
