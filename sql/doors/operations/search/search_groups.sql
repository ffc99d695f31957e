-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_groups(_group jsonb, _map jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 10;
  _one jsonb;
  _n integer := 0;
  _name text;
  _groups jsonb := '[]';
begin
  perform pgjobs.check_known_keys(_group, 'group', '{parameters}');
  if coalesce(jsonb_typeof(_group -> 'parameters'), 'null') not in ('array', 'null') or jsonb_array_length(nullif(_group -> 'parameters', 'null')) > _most then
    perform pgjobs.refuse('PJ400', 'bad_group', 'group.parameters', format('group.parameters: it has to be a list of at most %s fields', _most),
      'write {"parameters": [{"name": "jobUser"}]}');
  end if;
  for _one in select e.value from jsonb_array_elements(nullif(_group -> 'parameters', 'null')) with ordinality e (value, n) order by e.n loop
    perform pgjobs.check_known_keys(_one, format('group.parameters[%s]', _n), '{name}');
    _name := pgjobs.search_name(_map, _one ->> 'name');
    if _name is null or _map -> _name ->> 'type' = 'json' then
      perform pgjobs.refuse('PJ400', 'unknown_field', format('group.parameters[%s].name', _n),
        format('Field in group unknown: %s', left(coalesce(_one ->> 'name', 'null'), 100)),
        'the fields are ' || (select string_agg(f.key, ', ' order by f.key) from jsonb_each(_map) f where f.value ->> 'type' <> 'json'));
    end if;
    _groups := _groups || jsonb_build_object('name', _one ->> 'name', 'sql', _map -> _name ->> 'sql');
    _n := _n + 1;
  end loop;
  return _groups;
end;
$$;
comment on function pgjobs.search_groups(jsonb, jsonb) is
  'The fields that a summary is to count by besides its own: the name of each as it was given, and its SQL. Refuses (PJ400) an unknown field.';
