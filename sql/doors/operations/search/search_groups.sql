-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_groups(_group jsonb, _map jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _one jsonb;
  _n integer := 0;
  _name text;
  _groups jsonb := '[]';
begin
  for _one in select p from pgjobs.search_parts(_group, 'group', '{"name": "jobUser"}') p loop
    perform pgjobs.check_known_keys(_one, format('group.parameters[%s]', _n), '{name}');
    _name := pgjobs.search_field('group', _n, _one ->> 'name', _map);
    _groups := _groups || jsonb_build_object('name', _one ->> 'name', 'sql', _map -> _name ->> 'sql');
    _n := _n + 1;
  end loop;
  return _groups;
end;
$$;
comment on function pgjobs.search_groups(jsonb, jsonb) is
  'The fields that a summary is to count by besides its own: the name of each as it was given, and its SQL. Refuses (PJ400) an unknown field.';
