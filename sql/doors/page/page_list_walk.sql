-- Reads: xmp_jobs, shards, and what the condition reads   Writes: nothing
create or replace function pgjobs.page_list_walk(
  _asked jsonb, out ids bigint[], out keys text[], out more boolean, out looked bigint, out reached text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  _few constant bigint := 1000;
  _most constant bigint := pgjobs.most_listed();
  _condition constant text := pgjobs.page_list_condition(_asked);
  _take constant bigint := (_asked ->> 'size')::bigint;
  _sources constant text[] := pgjobs.page_list_sources(_asked);
  -- The state of a job is in other rows, which have to be read for it.
  _weight constant bigint := case when _condition like '%state_of(j)%' then 4 else 1 end;
  _size bigint := case when _condition = '' then _take + 1 else 2 * _take + 20 end;
  _key text[] := array(select jsonb_array_elements_text(nullif(_asked -> 'position', 'null')));
  _only bigint[];
  _source text;
  _other text;
  _found bigint[];
  _places text[];
  _matching bigint[];
begin
  ids := '{}';
  keys := '{}';
  more := false;
  looked := 0;
  if cardinality(_key) = 0 then
    _key := null;
  end if;
  -- Where one of the filters finds few jobs, these are put into any order; else they are looked for in the order of an index.
  if cardinality(_sources) > 1 or _asked ->> 'order' not in ('newest', 'oldest') or 'number' = any (_sources) then
    foreach _source in array _sources loop
      _only := pgjobs.page_list_ids(_asked, _source, false, null, _few + 1);
      exit when cardinality(_only) <= _few;
      _only := null;
    end loop;
  end if;
  if _only is null then
    -- A name, and a time of creation, are served in an order of their own.
    foreach _other in array array_remove(array[
      case when _asked ->> 'name' is not null then 'name' end,
      case when coalesce(_asked ->> 'created_from', _asked ->> 'created_to') is not null then 'created' end], null)
    loop
      continue when _asked ->> 'order' = _other;
      _only := (
        select b.ids from pgjobs.page_list_block(_asked || jsonb_build_object('order', _other, 'back', false), null, null, null, _few + 1) b);
      exit when cardinality(_only) <= _few;
      _only := null;
    end loop;
  end if;
  _source := _sources[1];
  loop
    select b.ids, b.keys into _found, _places from pgjobs.page_list_block(_asked, _source, _only, _key, _size) b;
    exit when cardinality(_found) = 0;
    execute format($jobs$
      select array(
        select a.place
        from unnest($1) with ordinality a (id, place)
        cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
        where %s
        order by a.place limit $2)$jobs$, coalesce(nullif(_condition, ''), 'true'))
    into _matching using _found, _take + 1 - cardinality(ids);
    ids := ids || array(select _found[m] from unnest(_matching) with ordinality u (m, n) order by n);
    keys := keys || array(select _places[m] from unnest(_matching) with ordinality u (m, n) order by n);
    if cardinality(ids) > _take then
      ids := ids[:_take];
      keys := keys[:_take];
      more := true;
      exit;
    end if;
    looked := looked + cardinality(_found);
    exit when cardinality(_found) < _size;
    if looked * _weight >= _most then
      reached := _places[cardinality(_places)];
      exit;
    end if;
    _key := regexp_match(_places[cardinality(_places)], case _asked ->> 'order' when 'next' then '^([^,]*),([^,]*),(.*)$' else '^([^,]*)(?:,(.*))?$' end);
    _size := least(_most / _weight - looked, 4 * _size);
  end loop;
  if (_asked ->> 'back')::boolean then
    ids := array(select i from unnest(ids) with ordinality u (i, n) order by n desc);
    keys := array(select k from unnest(keys) with ordinality u (k, n) order by n desc);
  end if;
end;
$$;
comment on function pgjobs.page_list_walk(jsonb) is
  'A page of the list of jobs, as page_list_asked() has it: the jobs, the place of each in the order, and whether there are more. It goes through the jobs in blocks; where it has looked through so many that it gives up, reached is how far it came.';
