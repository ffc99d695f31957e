-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_node(
  _node jsonb, _fields jsonb, _case_sensitive boolean, _path text, _depth integer, out condition text, out tests integer)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most_deep constant integer := 10;
  _key text;
  _value jsonb;
  _conditions text[] := '{}';
  _tests integer := 0;
  _one record;
begin
  if _depth > _most_deep then
    perform pgjobs.refuse('PJ400', 'bad_filter', _path, format('%s: it is nested more than %s deep', _path, _most_deep), 'put conditions of one and, or of one or, side by side');
  end if;
  if jsonb_typeof(_node) is distinct from 'object' or (select count(*) from jsonb_object_keys(_node)) <> 1 then
    perform pgjobs.refuse('PJ400', 'bad_filter', _path, format('%s: it has to be a JSON object with one key', _path),
      'write and, or, or an operator such as eq; several conditions are a list of and: {"and": [...]}');
  end if;
  select e.key, e.value into _key, _value from jsonb_each(_node) e;
  if _key in ('and', 'or') then
    if jsonb_typeof(_value) <> 'array' then
      perform pgjobs.refuse('PJ400', 'bad_filter', format('%s.%s', _path, _key), format('%s.%s: it has to be a list', _path, _key),
        'write {"and": [{"eq": {"field": "value"}}]}');
    end if;
    if _value = '[]' then
      perform pgjobs.refuse('PJ400', 'bad_filter', format('%s.%s', _path, _key), format('%s.%s: the list is empty', _path, _key),
        'give it a condition; a filter that is {} finds everything');
    end if;
    for _one in select e.value, e.n from jsonb_array_elements(_value) with ordinality e (value, n) order by e.n loop
      select _conditions || f.condition, _tests + f.tests into _conditions, _tests
      from pgjobs.filter_node(_one.value, _fields, _case_sensitive, format('%s.%s[%s]', _path, _key, _one.n - 1), _depth + 1) f;
    end loop;
    condition := format('(%s)', array_to_string(_conditions, format(' %s ', _key)));
    tests := _tests;
    return;
  end if;
  if _key not in ('eq', 'neq', 'like', 'gt', 'lt', 'gte', 'lte', 'in', 'nin', 'exists') then
    perform pgjobs.refuse('PJ400', 'bad_filter', _path, format('%s: %L is no operator', _path, left(_key, 100)),
      'use eq, neq, like, gt, lt, gte, lte, in, nin, exists, and, or');
  end if;
  if jsonb_typeof(_value) <> 'object' or _value = '{}' then
    perform pgjobs.refuse('PJ400', 'bad_filter', format('%s.%s', _path, _key), format('%s.%s: it has to be a JSON object with a field', _path, _key),
      format('write {"%s": {"field": "value"}}', _key));
  end if;
  for _one in select e.key, e.value from jsonb_each(_value) e loop
    _conditions := _conditions || pgjobs.filter_test(_key, _one.key, _one.value, _fields, _case_sensitive, format('%s.%s', _path, _key));
    _tests := _tests + 1;
  end loop;
  condition := format('(%s)', array_to_string(_conditions, ' and '));
  tests := _tests;
end;
$$;
comment on function pgjobs.filter_node(jsonb, jsonb, boolean, text, integer) is
  'One node of a search filter as an SQL condition, with the number of tests in it; _path: where it stands, for a refusal. See filter_condition().';
