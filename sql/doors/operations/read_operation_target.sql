-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_operation_target(
  _target jsonb, _most integer, out kind text, out added jsonb, out removed text[], out tags jsonb, out filter jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _append constant jsonb := nullif(_target -> 'append', 'null');
  _remove constant jsonb := nullif(_target -> 'remove', 'null');
  _name text;
  _list jsonb;
  _n integer := 0;
  _kinds text[] := '{}';
begin
  perform pgjobs.check_known_keys(_target, 'target', '{append,remove,filter}');
  perform pgjobs.check_known_keys(_append, 'target.append', '{entities,entitiesWithParameters,tags}');
  perform pgjobs.check_known_keys(_remove, 'target.remove', '{entities}');
  added := '[]';
  removed := '{}';
  for _name, _list in values
    ('target.append.entities', _append -> 'entities'), ('target.append.entitiesWithParameters', _append -> 'entitiesWithParameters'),
    ('target.append.tags', _append -> 'tags'), ('target.remove.entities', _remove -> 'entities')
  loop
    continue when coalesce(_list, 'null') in ('null', '[]');
    if jsonb_typeof(_list) <> 'array' then
      perform pgjobs.refuse('PJ400', 'bad_request', _name, _name || ': it is no list', format('write it in brackets: %s', case when jsonb_typeof(_list) = 'string' then left(jsonb_build_array(_list)::text, 100)
          when _name like '%tags' then '["north"]' else '["dev-1"]' end));
    end if;
    if _name = 'target.append.entitiesWithParameters' then
      if exists (select from jsonb_array_elements(_list) e
                 where jsonb_typeof(e.value) <> 'object' or coalesce(jsonb_typeof(e.value -> 'id'), '') <> 'string' or e.value ->> 'id' !~ '[^[:space:]]'
                   or coalesce(jsonb_typeof(e.value -> 'parameters'), 'object') <> 'object') then
        perform pgjobs.refuse('PJ400', 'bad_request', _name, _name || ': each one has to be an object with an id and parameters',
          'write {"id": "dev-1", "parameters": {}}');
      end if;
      perform pgjobs.check_known_keys(e.value, _name, '{id,parameters}') from jsonb_array_elements(_list) e;
      added := added || _list;
    else
      if exists (select from jsonb_array_elements(_list) e where jsonb_typeof(e.value) <> 'string' or e.value #>> '{}' !~ '[^[:space:]]') then
        perform pgjobs.refuse('PJ400', 'bad_request', _name, _name || ': each one has to be a text', case when _name like '%tags' then 'write ["north"]' else 'write ["dev-1"]' end);
      end if;
      if _name = 'target.append.tags' then
        tags := _list;
      elsif _name = 'target.append.entities' then
        added := (select jsonb_agg(jsonb_build_object('id', e.value) order by e.n) from jsonb_array_elements(_list) with ordinality e (value, n)) || added;
      else
        removed := array(select jsonb_array_elements_text(_list));
      end if;
    end if;
    _n := _n + jsonb_array_length(_list);
    _kinds := _kinds || case when _name = 'target.append.tags' then 'tags' else 'entities' end;
  end loop;
  filter := nullif(_target -> 'filter', 'null');
  if filter is not null then
    if jsonb_typeof(filter) <> 'object' then
      perform pgjobs.refuse('PJ400', 'bad_request', 'target.filter', 'target.filter: it is no filter; one that is stored can''t be used',
        'write the filter itself: {"and": [{"eq": {"field": "value"}}]}, or {} for every entity');
    end if;
    _kinds := _kinds || 'filter'::text;
  end if;
  if (select count(distinct k) from unnest(_kinds) k) > 1 then
    perform pgjobs.refuse('PJ400', 'mixed_target', 'target', format('target: %s can''t be mixed', (select string_agg(distinct case k when 'filter' then 'a filter' else k end, ' and ') from unnest(_kinds) k)),
      'give one of them, and make another job for the others');
  end if;
  if _n > _most then
    perform pgjobs.refuse('PJ400', 'too_many_entities', 'target', format('target: it names %s entities, and the limit is %s in one request', _n, _most),
      'create the job with active false, and append the others by PUT');
  end if;
  kind := _kinds[1];
end;
$$;
comment on function pgjobs.read_operation_target(jsonb, integer) is
  'The target of a request: entities, tags or filter, or null where it names nothing; added: entities as [{"id", "parameters"}]; removed: their ids. Refuses (PJ400) a mixture, more than so many, and what can''t be right.';
