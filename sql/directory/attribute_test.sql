-- Reads: nothing   Writes: nothing
create or replace function pgjobs.attribute_test(_sql text, _path text[], _value jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := _value #>> '{}';
  -- What a CSV file brings is text, and what clients send is text as often as not.
  _alike jsonb[] := array[_value, to_jsonb(_text)];
  _tests text[] := '{}';
  _one jsonb;
begin
  if _text ~ '^-?(0|[1-9][0-9]{0,29})([.][0-9]{1,30})?$' then
    _alike := _alike || to_jsonb(_text::numeric);
  elsif _text in ('true', 'false') then
    _alike := _alike || to_jsonb(_text::boolean);
  end if;
  -- Contained, for that is what the index of attributes finds.
  foreach _one in array array(select distinct a from unnest(_alike) a order by a) loop
    _one := jsonb_build_object(_path[cardinality(_path)], _one);
    _one := jsonb_build_array(_one, jsonb_build_object(_path[cardinality(_path)], jsonb_build_array(_one -> _path[cardinality(_path)])));
    for _i in reverse cardinality(_path) - 1 .. 1 loop
      _one := jsonb_build_array(jsonb_build_object(_path[_i], _one -> 0), jsonb_build_object(_path[_i], _one -> 1));
    end loop;
    _tests := _tests || format('%s @> %L::jsonb', _sql, _one -> 0) || format('%s @> %L::jsonb', _sql, _one -> 1);
  end loop;
  return array_to_string(_tests, ' or ');
end;
$$;
comment on function pgjobs.attribute_test(text, text[], jsonb) is
  'The SQL condition that the attribute at this path is this value, or a list that has it; a number is equal to its text, and so are true and false.';
