-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_field(_part text, _n integer, _given text, _map jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name constant text := pgjobs.search_name(_map, _given);
begin
  if _name is null or _map -> _name ->> 'type' = 'json' then
    perform pgjobs.refuse('PJ400', 'unknown_field', format('%s.parameters[%s].name', _part, _n),
      format('Field in %s unknown: %s', _part, left(coalesce(_given, 'null'), 100)),
      'the fields are ' || (select string_agg(f.key, ', ' order by f.key) from jsonb_each(_map) f where f.value ->> 'type' <> 'json'));
  end if;
  return _name;
end;
$$;
comment on function pgjobs.search_field(text, integer, text, jsonb) is
  'The field of pgjobs.search_map() by which a search sorts or groups, named as the n-th one of this part; refuses (PJ400) one that there is not, or that is JSON.';
