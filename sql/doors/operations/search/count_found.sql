-- Reads: xmp_jobs, items, tasks, task_progress, and what the groups read   Writes: nothing
create or replace function pgjobs.count_found(_search text, _groups jsonb, _jobs bigint[], _keys bigint[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _group jsonb;
  _one jsonb;
  _counted jsonb := '[]';
begin
  for _group in select e.value from jsonb_array_elements(_groups) with ordinality e (value, n) order by e.n loop
    execute format($count$
      select pgjobs.summary_group($3, array_agg(c.value), array_agg(c.n))
      from (select to_jsonb(%s) #>> '{}' as value, count(*) as n from %s group by 1) c$count$, _group ->> 'sql', pgjobs.search_source(_search))
    into _one using _jobs, _keys, _group ->> 'name';
    _counted := _counted || _one;
  end loop;
  return _counted;
end;
$$;
comment on function pgjobs.count_found(text, jsonb, bigint[], bigint[]) is
  'What a search has found, counted by each of these fields, {"name", "sql"}: an array of groups of a summary.';
