-- Reads: xmp_job_types, entities, task_runs   Writes: nothing
create or replace function pgjobs.read_search(_search text, _resource text, _body jsonb, _flags jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _map constant jsonb := pgjobs.search_map(_search);
  _filter constant jsonb := coalesce(nullif(_body -> 'filter', 'null'), '{}');
  _asked jsonb;
  _of_type text;
begin
  perform pgjobs.check_known_keys(_body, '', '{filter,limit,sort,select,group}');
  _asked := pgjobs.narrow_search(_search, _filter, _map, coalesce((_flags ->> 'caseSensitive')::boolean, true));
  if _resource is not null then
    _of_type := format('%s = %L', _map #>> '{resourceType,sql}', _resource);
    _asked := _asked || jsonb_build_object('condition',
      case when _asked ->> 'condition' = 'true' then _of_type else format('(%s) and %s', _asked ->> 'condition', _of_type) end);
  end if;
  return _asked || jsonb_build_object(
    'filtered', _filter <> '{}' or _resource is not null,
    'sort', pgjobs.search_sort(_body -> 'sort', _map),
    'groups', pgjobs.search_groups(_body -> 'group', _map),
    'columns', (
      select jsonb_agg(jsonb_build_object('title', s.title, 'sql', s.sql) order by s.n)
      from rows from (pgjobs.search_select(_body -> 'select', _map)) with ordinality s (title, sql, n)));
end;
$$;
comment on function pgjobs.read_search(text, text, jsonb, jsonb) is
  'What the body of a search (jobs, operations, tasks) asks for: where to look, as narrow_search() says it, the order and the columns as SQL, the fields to group by, and whether anything is left out at all. _resource: the type of the entities that operations are about; null: any. Refuses (PJ400) what it does not know.';
