-- Reads: nothing   Writes: nothing
create or replace function pgjobs.targets_of(_entities jsonb, _field text)
returns table (n bigint, id text, parameters jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 10000;
  _bad record;
begin
  if jsonb_typeof(_entities) is distinct from 'array' or jsonb_array_length(_entities) > _most then
    perform pgjobs.refuse('PJ400', 'bad_target', _field, format('%s: it has to be a list of at most %s entities', _field, _most),
      'name each by its id, or write {"id": "dev-1", "parameters": {}}');
  end if;
  select e.n, e.value into _bad
  from jsonb_array_elements(_entities) with ordinality e (value, n)
  where case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' !~ '[^[:space:]]'
    when 'object' then jsonb_typeof(e.value -> 'id') is distinct from 'string' or e.value ->> 'id' !~ '[^[:space:]]'
                       or coalesce(jsonb_typeof(e.value -> 'parameters'), 'object') <> 'object'
    else true end
  order by e.n
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_target', format('%s[%s]', _field, _bad.n - 1), format('%s[%s]: %s names no entity', _field, _bad.n - 1, left(_bad.value::text, 100)),
      'name it by its id, or write {"id": "dev-1", "parameters": {}}');
  end if;
  return query
  select e.n, case jsonb_typeof(e.value) when 'string' then e.value #>> '{}' else e.value ->> 'id' end,
         case jsonb_typeof(e.value) when 'object' then e.value -> 'parameters' end
  from jsonb_array_elements(_entities) with ordinality e (value, n);
end;
$$;
comment on function pgjobs.targets_of(jsonb, text) is
  'The entities that a list names, by id or as {"id", "parameters"}, in its order; refuses (PJ400) what names none, by its place in the field.';
