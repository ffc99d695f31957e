-- Reads: nothing   Writes: nothing
create or replace function pgjobs.nested_attributes(_attributes jsonb)
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  _nested jsonb := _attributes;
  _key text;
  _path text[];
begin
  if strpos(_attributes::text, '.') = 0 then
    return _attributes;
  end if;
  for _key in select k from jsonb_object_keys(_attributes) k where k like '%.%' order by k loop
    _path := string_to_array(_key, '.');
    _nested := _nested - _key;
    for _i in 1 .. cardinality(_path) - 1 loop
      if _nested #> _path[:_i] is null then
        _nested := jsonb_set(_nested, _path[:_i], '{}');
      end if;
    end loop;
    _nested := jsonb_set(_nested, _path, _attributes -> _key);
  end loop;
  return _nested;
end;
$$;
comment on function pgjobs.nested_attributes(jsonb) is
  'Attributes whose dotted names are nested: {"device.model": "X"} is {"device": {"model": "X"}}.';
