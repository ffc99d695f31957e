-- Reads: what the selector reads   Writes: nothing
create or replace function pgjobs.cut_selection(
  _job_id bigint, _after_key bigint, _first_key bigint, _end_key bigint,
  _total bigint, _estimate bigint, _sample bigint[], _parts integer)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _sign constant integer := case when _end_key < coalesce(_after_key, _first_key) then -1 else 1 end;
  -- Numeric, for the keys next to the ends of bigint.
  _from constant numeric := coalesce(_after_key::numeric, _first_key::numeric - _sign);
  _span constant numeric := abs(_end_key - _from);
  -- As many as the planner expects in a small table that was never analyzed.
  _few constant integer := 2500;
  _keys bigint[] := _sample;
  _number integer := least(_parts, _total, _span);
  _cuts bigint[];
begin
  if _parts < 2 or _first_key is null or _end_key is null or _span < 2 then
    return '{}';
  end if;

  -- Few records are better counted than guessed at.
  if _keys is null and _total is distinct from _span and _estimate <= _few then
    execute format('select coalesce(array_agg(k.key), ''{}'') from (select s.key from (%s) s limit %s) k',
                   pgjobs.records_statement(_job_id, 0, _after_key, _end_key), _few + 1) into _keys;
    if cardinality(_keys) > _few then
      _keys := null;
    end if;
  end if;
  if _keys is not null then
    _keys := array(
      select k.key from (select distinct u.key from unnest(_keys) u (key)) k
      where (k.key - _from) * _sign > 0 and (k.key - _end_key::numeric) * _sign <= 0
      order by k.key::numeric * _sign);
    _number := least(_parts, cardinality(_keys));
    return array(select _keys[i::bigint * cardinality(_keys) / _number] from generate_series(1, _number - 1) i);
  end if;

  -- Where every key has its record nothing is to be estimated.
  if _total is distinct from _span then
    _cuts := pgjobs.cut_by_estimates(_job_id, _after_key, _end_key, _estimate, _number);
  end if;
  return array(
    select c.key
    from unnest(coalesce(_cuts, array(
      select (_from + _sign * floor(_span * i / _number))::bigint from generate_series(1, _number - 1) i))) c (key)
    order by c.key::numeric * _sign);
end;
$$;
comment on function pgjobs.cut_selection(bigint, bigint, bigint, bigint, bigint, bigint, bigint[], integer) is
  'The last keys of all ranges but the last, in the job''s order, that cut a selection into so many parts or fewer: by a sample of its keys in even distances, or by all of them where they are few, else by the planner''s estimates, else evenly by key. Ranges with the same number of records are the aim; whatever it is, each key lies in exactly one of them.';
