-- Reads: what summarize_jobs, summarize_operations and find_tasks read   Writes: nothing
create or replace function pgjobs.search_summary(_search text, _resource text, _body jsonb, _flags jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _asked constant jsonb := pgjobs.read_search(_search, _resource, _body, _flags);
  _groups constant jsonb := (
    select jsonb_agg(jsonb_build_object('name', f.name, 'sql', f.sql) order by f.place)
    from pgjobs.search_fields(_search) f
    where f.name = any (case _search when 'jobs' then '{jobStatus,jobOperationName}'::text[]
                                     when 'tasks' then '{taskState,jobOperationName}' else '{operationName,operationStatus,operationResult}' end)) || (_asked -> 'groups');
  _counted bigint;
  _found jsonb;
  _tasks bigint[];
  _more boolean;
begin
  perform pgjobs.search_page(_body -> 'limit');
  if _search = 'jobs' then
    select s.counted, s.groups into _counted, _found from pgjobs.summarize_jobs(_asked, _groups) s;
  elsif _search = 'operations' then
    select s.counted, s.groups into _counted, _found from pgjobs.summarize_operations(_asked, _groups) s;
  else
    select t.jobs, t.more into _tasks, _more from pgjobs.find_tasks(_asked, 1, pgjobs.most_sorted()) t;
    perform pgjobs.refuse_long_sort(_more);
    _counted := cardinality(_tasks);
    _found := pgjobs.count_found('tasks', _groups, _tasks, null);
  end if;
  return jsonb_build_object('summary', jsonb_build_object('date', pgjobs.now(), 'count', _counted, 'summaryGroup', _found));
end;
$$;
comment on function pgjobs.search_summary(text, text, jsonb, jsonb) is
  'How many rows a search finds, {"summary": {"date", "count", "summaryGroup"}}: in all, and by status, result and name, and by the fields of its group. Refuses (PJ400) what it does not know, and what would look at too many rows.';
