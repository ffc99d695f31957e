-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_select(_select jsonb, _map jsonb)
returns table (title text, sql text, type text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 50;
  _place text;
  _one record;
  _name text;
  _path text[];
  _titles text[] := '{}';
begin
  if coalesce(jsonb_typeof(_select), 'null') not in ('array', 'null') then
    perform pgjobs.refuse('PJ400', 'bad_select', 'select', 'select: it has to be a list', 'write [{"name": "jobId", "fields": [{"field": "value", "alias": "job"}]}]');
  end if;
  if exists (
    select from jsonb_array_elements(nullif(_select, 'null')) e
    where jsonb_typeof(e.value) not in ('string', 'object') or jsonb_typeof(e.value) = 'object'
      and (coalesce(jsonb_typeof(e.value -> 'name'), '') <> 'string' or coalesce(jsonb_typeof(e.value -> 'fields'), 'array') <> 'array')) then
    perform pgjobs.refuse('PJ400', 'bad_select', 'select', 'select: each of its elements has a name, and may have a list of fields',
      'write {"name": "jobId", "fields": [{"field": "value", "alias": "job"}]}');
  end if;
  perform pgjobs.check_known_keys(s.value, format('select[%s]', s.n - 1), '{name,fields}')
  from jsonb_array_elements(nullif(_select, 'null')) with ordinality s (value, n)
  where jsonb_typeof(s.value) = 'object'
  order by s.n;
  for _one in
    select s.value #>> '{}' as given, s.n, 0 as k, null::jsonb as field
    from jsonb_array_elements(nullif(_select, 'null')) with ordinality s (value, n)
    where jsonb_typeof(s.value) = 'string'
    union all
    select s.value ->> 'name', s.n, coalesce(f.n, 0), f.value
    from jsonb_array_elements(nullif(_select, 'null')) with ordinality s (value, n)
    left join lateral jsonb_array_elements(s.value -> 'fields') with ordinality f (value, n) on true
    where jsonb_typeof(s.value) = 'object'
    order by 2, 3
  loop
    _place := format('select[%s]', _one.n - 1);
    if _one.field is not null then
      _place := format('%s.fields[%s]', _place, _one.k - 1);
      if coalesce(jsonb_typeof(_one.field -> 'field'), '') <> 'string' or coalesce(jsonb_typeof(_one.field -> 'alias'), 'string') <> 'string' then
        perform pgjobs.refuse('PJ400', 'bad_select', _place, format('%s: it has to have a text as field, and may have one as alias', _place),
          'write {"field": "value", "alias": "job"}');
      end if;
      perform pgjobs.check_known_keys(_one.field, _place, '{field,alias}');
    end if;
    -- "value" of jobId; "status" of operation, which is operation.status; "type" of operationParameters.
    _path := string_to_array(nullif(coalesce(_one.field ->> 'field', 'value'), 'value'), '.');
    _name := pgjobs.search_name(_map, _one.given);
    if _name is not null and cardinality(_path) > 0 and _map -> _name ->> 'type' <> 'json' then
      _name := null;
    elsif _name is null and cardinality(_path) > 0 then
      _name := pgjobs.search_name(_map, concat_ws('.', _one.given, _one.field ->> 'field'));
      _path := null;
    end if;
    if _name is null then
      perform pgjobs.refuse('PJ400', 'unknown_field', _place,
        format('Field in select unknown: %s', left(concat_ws('.', _one.given, array_to_string(_path, '.')), 100)),
        'the fields are ' || (select string_agg(f.key, ', ' order by f.key) from jsonb_each(_map) f where jsonb_typeof(f.value) = 'object'));
    end if;
    title := coalesce(_one.field ->> 'alias', concat_ws('.', _one.given, nullif(_one.field ->> 'field', 'value')));
    if title = '' or length(title) > 100 or title = any (_titles) then
      perform pgjobs.refuse('PJ400', 'bad_select', _place, format('%s: %L is no title of a further column', _place, left(title, 100)),
        'give each column an alias of its own, of at most 100 characters');
    end if;
    _titles := _titles || title;
    if cardinality(_titles) > _most then
      perform pgjobs.refuse('PJ400', 'bad_select', 'select', format('select: it has more than %s columns', _most), 'select less at a time');
    end if;
    -- The callers' numbers of things are texts.
    sql := concat(_map -> _name ->> 'sql', case when _name like '%Id' then '::text' end);
    type := _map -> _name ->> 'type';
    if cardinality(_path) > 0 then
      sql := format('(%s #> %L)', sql, _path);
    end if;
    return next;
  end loop;
end;
$$;
comment on function pgjobs.search_select(jsonb, jsonb) is
  'The columns that a search is to show, each with its title, its SQL and its type; none where nothing is selected. Refuses (PJ400) an unknown field.';
