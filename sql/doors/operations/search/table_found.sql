-- Reads: xmp_jobs, items, tasks, task_progress, and what the columns read   Writes: nothing
create or replace function pgjobs.table_found(_search text, _columns jsonb, _jobs bigint[], _keys bigint[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _rows jsonb;
begin
  if coalesce(jsonb_typeof(_columns), '') <> 'array' then
    _columns := (select jsonb_agg(jsonb_build_object('title', f.name, 'sql', f.sql) order by f.place) from pgjobs.search_fields(_search) f);
  end if;
  execute format('select jsonb_agg(jsonb_build_array(%s) order by a.place) from %s',
    (select string_agg(format('to_jsonb(%s) #>> ''{}''', c.value ->> 'sql'), ', ' order by c.n) from jsonb_array_elements(_columns) with ordinality c (value, n)),
    pgjobs.search_source(_search)) into _rows using _jobs, _keys;
  return jsonb_build_object('columns', (select jsonb_agg(c.value -> 'title' order by c.n) from jsonb_array_elements(_columns) with ordinality c (value, n)),
                            'rows', _rows);
end;
$$;
comment on function pgjobs.table_found(text, jsonb, bigint[], bigint[]) is
  'What a search has found as a table of texts, {"columns": [...], "rows": [[...]]}: the selected columns, or all fields.';
