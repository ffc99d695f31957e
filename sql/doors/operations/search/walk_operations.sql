-- Reads: xmp_jobs, items, item_counts, and what the conditions read   Writes: nothing
create or replace function pgjobs.walk_operations(
  _narrow jsonb, _job_condition text, _condition text, _after_job bigint, _after_key bigint, _skip bigint, _take bigint,
  out jobs bigint[], out keys bigint[], out more boolean)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _only constant bigint[] := case when jsonb_typeof(_narrow -> 'jobs') = 'array' then array(select e::bigint from jsonb_array_elements_text(_narrow -> 'jobs') e) end;
  _types constant text[] := array(select jsonb_array_elements_text(_narrow -> 'types'));
  _statuses constant text[] := array(select jsonb_array_elements_text(_narrow -> 'statuses'));
  _keys constant bigint[] := case when jsonb_typeof(_narrow -> 'keys') = 'array' then array(select e::bigint from jsonb_array_elements_text(_narrow -> 'keys') e) end;
  -- Where nothing is asked of the operations themselves, the counters say how many a job has.
  _plain constant boolean := _condition = 'true' and _keys is null;
  _largest constant bigint := 20000;
  -- No block has so many; an array can't be asked for an element with a much larger number.
  _furthest constant bigint := 1000000000;
  _size bigint := 20;
  _slice bigint := least(_largest, 4 * _take + 100);
  _before bigint := _after_job;
  -- The job in which the page before has ended comes first, alone.
  _goes_on boolean := _after_key is not null;
  _looked bigint := 0;
  _block bigint[];
  _ids bigint[];
  _totals bigint[];
  _i integer;
  _last integer;
  _sum bigint;
  _most bigint;
  _from bigint;
  _n bigint;
  _found_jobs bigint[];
  _found_keys bigint[];
begin
  jobs := '{}';
  keys := '{}';
  more := false;
  if _keys = '{}' then
    return;
  end if;
  loop
    if _goes_on then
      _block := array[_after_job];
    else
      _block := pgjobs.next_jobs(_only, _types, _statuses, _before, _size);
      exit when cardinality(_block) = 0;
      _before := _block[cardinality(_block)];
    end if;
    _looked := _looked + 20 * cardinality(_block);
    _ids := pgjobs.matching_jobs(_block, _types, _job_condition);
    if _keys is null then
      _totals := array(
        select pgjobs.operation_count(a.id, '{w,l,r,s,f,t,c,x}') from unnest(_ids) with ordinality a (id, place) order by a.place);
    else
      -- At most so many.
      _totals := array_fill(cardinality(_keys), array[cardinality(_ids)]);
    end if;
    _i := 1;
    while _i <= cardinality(_ids) loop
      _from := case when _goes_on then _after_key end;
      if _totals[_i] = 0 then
        _i := _i + 1;
        continue;
      end if;
      if _plain and _from is null and _skip >= _totals[_i] then
        _skip := _skip - _totals[_i];
        _i := _i + 1;
        continue;
      end if;
      _most := case when _plain then least(_largest, _skip + _take + 1 - cardinality(keys)) else _largest end;
      if _from is null and _totals[_i] <= _most then
        -- Several jobs at once.
        _last := _i;
        _sum := _totals[_i];
        while _last < cardinality(_ids) and _sum < _most loop
          _last := _last + 1;
          _sum := _sum + _totals[_last];
        end loop;
        execute format($items$
          select coalesce(array_agg(i.job_id order by a.place, i.key), '{}'), coalesce(array_agg(i.key order by a.place, i.key), '{}')
          from unnest($1) with ordinality a (id, place)
          cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
          cross join lateral (select r.* from pgjobs.items r where r.job_id = a.id %s offset 0) i
          where %s$items$, case when _keys is not null then 'and r.key = any ($2)' end, _condition)
        into _found_jobs, _found_keys using _ids[_i:_last], _keys;
        _looked := _looked + _sum;
        jobs := jobs || _found_jobs[least(_skip, _furthest) + 1:];
        keys := keys || _found_keys[least(_skip, _furthest) + 1:];
        _skip := greatest(0, _skip - cardinality(_found_keys));
        _i := _last + 1;
      else
        -- A part of a large job, or what is left of the one before.
        loop
          _most := case when _plain then least(_largest, _skip + _take + 1 - cardinality(keys)) else _slice end;
          execute format($items$
            select coalesce(array_agg(i.key order by i.key) filter (where %s), '{}'), max(i.key), count(*)
            from (select r.* from pgjobs.items r where r.job_id = $1 and ($2 is null or r.key > $2) %s order by r.key limit $3) i
            cross join (select r.* from public.xmp_jobs r where r.id = $1) j$items$,
            _condition, case when _keys is not null then 'and r.key = any ($4)' end)
          into _found_keys, _from, _n using _ids[_i], _from, _most, _keys;
          _looked := _looked + _n;
          jobs := jobs || array_fill(_ids[_i], array[greatest(0, cardinality(_found_keys) - _skip)::integer]);
          keys := keys || _found_keys[least(_skip, _furthest) + 1:];
          _skip := greatest(0, _skip - cardinality(_found_keys));
          exit when _n < _most or cardinality(keys) > _take;
          perform pgjobs.refuse_wide_search(_looked + 1);
          _slice := least(_largest, 4 * _slice);
        end loop;
        _i := _i + 1;
      end if;
      if cardinality(keys) > _take then
        jobs := jobs[:_take];
        keys := keys[:_take];
        more := true;
        return;
      end if;
      perform pgjobs.refuse_wide_search(_looked);
    end loop;
    exit when not _goes_on and cardinality(_block) < _size;
    perform pgjobs.refuse_wide_search(_looked + 1);
    _size := case when _goes_on then _size else least(1000, 4 * _size) end;
    _goes_on := false;
  end loop;
end;
$$;
comment on function pgjobs.walk_operations(jsonb, text, text, bigint, bigint, bigint, bigint) is
  'The operations behind this one (null: all), the newest job first and by key within a job, for which the conditions over j, and over j and i, hold: so many are passed over, so many taken, and whether there are more. _narrow: as walk_jobs() has it, and "keys" of the items. It goes through them in blocks, and refuses (PJ400) when it has looked at too many.';
