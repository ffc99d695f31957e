-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_sort(_sort jsonb, _map jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 10;
  _one jsonb;
  _n integer := 0;
  _name text;
  _clauses text[] := '{}';
begin
  perform pgjobs.check_known_keys(_sort, 'sort', '{parameters}');
  if coalesce(jsonb_typeof(_sort -> 'parameters'), 'null') not in ('array', 'null') or jsonb_array_length(nullif(_sort -> 'parameters', 'null')) > _most then
    perform pgjobs.refuse('PJ400', 'bad_sort', 'sort.parameters', format('sort.parameters: it has to be a list of at most %s fields', _most),
      'write {"parameters": [{"name": "jobId", "type": "DESCENDING"}]}');
  end if;
  for _one in select e.value from jsonb_array_elements(nullif(_sort -> 'parameters', 'null')) with ordinality e (value, n) order by e.n loop
    perform pgjobs.check_known_keys(_one, format('sort.parameters[%s]', _n), '{name,type}');
    _name := pgjobs.search_name(_map, _one ->> 'name');
    if _name is null or _map -> _name ->> 'type' = 'json' then
      perform pgjobs.refuse('PJ400', 'unknown_field', format('sort.parameters[%s].name', _n),
        format('Field in sort unknown: %s', left(coalesce(_one ->> 'name', 'null'), 100)),
        'the fields are ' || (select string_agg(f.key, ', ' order by f.key) from jsonb_each(_map) f where f.value ->> 'type' <> 'json'));
    end if;
    if coalesce(_one ->> 'type', 'ASCENDING') not in ('ASCENDING', 'DESCENDING') then
      perform pgjobs.refuse('PJ400', 'bad_sort', format('sort.parameters[%s].type', _n),
        format('sort.parameters[%s].type: %L is no direction', _n, left(_one ->> 'type', 100)), 'use ASCENDING or DESCENDING');
    end if;
    _clauses := _clauses || concat(_map -> _name ->> 'sql', case when _map -> _name ->> 'type' = 'text' then ' collate "C"' end,
                                   case when _one ->> 'type' = 'DESCENDING' then ' desc nulls last' else ' nulls last' end);
    _n := _n + 1;
  end loop;
  return nullif(array_to_string(_clauses, ', '), '');
end;
$$;
comment on function pgjobs.search_sort(jsonb, jsonb) is
  'What a search is to be ordered by, as SQL; null: nothing is asked for. Rows without a value come last. Refuses (PJ400) an unknown field.';
