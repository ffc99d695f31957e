-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_sort(_sort jsonb, _map jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _one jsonb;
  _n integer := 0;
  _name text;
  _clauses text[] := '{}';
begin
  for _one in select p from pgjobs.search_parts(_sort, 'sort', '{"name": "jobId", "type": "DESCENDING"}') p loop
    perform pgjobs.check_known_keys(_one, format('sort.parameters[%s]', _n), '{name,type}');
    _name := pgjobs.search_field('sort', _n, _one ->> 'name', _map);
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
