-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_test(
  _operator text, _name text, _value jsonb, _fields jsonb, _case_sensitive boolean, _path text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most_values constant integer := 1000;
  -- What the vendor's clients say where they mean the last value of a field.
  _plain constant text := regexp_replace(_name, '([.]_value)?[.]_current[.]value$', '');
  _place constant text := format('%s.%s', _path, left(_name, 100));
  _field jsonb := coalesce(_fields -> _name, _fields -> _plain);
  _texts text[];
begin
  if jsonb_typeof(_field) = 'string' then
    _field := _fields -> (_field #>> '{}');
  end if;
  _field := coalesce(_field, _fields -> '*');
  if _field is null or _name = '*' or _plain !~ '^[^.]+([.][^.]+)*$' or length(_name) > 200 then
    perform pgjobs.refuse('PJ400', 'unknown_field', _path, format('Field in filter unknown: %s', left(_name, 100)),
      coalesce('the fields are ' || (select nullif(string_agg(k, ', ' order by k), '') from jsonb_each(_fields - '*') e (k, field) where jsonb_typeof(e.field) = 'object'), 'mend its name'));
  end if;
  if _operator = 'exists' then
    if lower(_value #>> '{}') not in ('true', 'false') or jsonb_typeof(_value) not in ('boolean', 'string') then
      perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: %s is neither true nor false', _place, left(_value::text, 100)), 'write true or false');
    end if;
    return format(case lower(_value #>> '{}') when 'true' then '%s' else 'not %s' end,
                  pgjobs.test_presence(_field ->> 'sql', _field ->> 'type', _plain));
  end if;
  if _operator in ('in', 'nin') then
    if jsonb_typeof(_value) <> 'array' or jsonb_array_length(_value) not between 1 and _most_values then
      perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: it has to be a list of values', _place), format('give from 1 to %s values', _most_values));
    end if;
  else
    _value := jsonb_build_array(_value);
  end if;
  if exists (select from jsonb_array_elements(_value) e where jsonb_typeof(e.value) not in ('string', 'number', 'boolean')) then
    perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: a value is a text, a number, true or false', _place),
      'where the field must have no value, write {"exists": {"field": false}}');
  end if;
  _texts := array(select e.value #>> '{}' from jsonb_array_elements(_value) with ordinality e (value, n) order by e.n);
  if exists (select from unnest(_texts) t where length(t) > 1000) then
    perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: a value is longer than 1000 characters', _place), 'shorten it');
  end if;
  if _operator = 'like' then
    perform pgjobs.check_pattern_text(_texts[1], _place);
  end if;
  return format(case when _operator in ('neq', 'nin') then 'not coalesce(%s, false)' else '%s' end,
    pgjobs.test_values(case _operator when 'neq' then 'eq' when 'nin' then 'in' else _operator end,
                       _field ->> 'sql', _field ->> 'type', _plain, _value, _texts, _case_sensitive, _place));
end;
$$;
comment on function pgjobs.filter_test(text, text, jsonb, jsonb, boolean, text) is
  'One operator of a search filter, with a field and its value, as an SQL condition. Refuses (PJ400) an unknown field and a value that the operator can''t have.';
