-- Reads: xmp_job_types, entities, task_runs   Writes: nothing
create or replace function pgjobs.narrow_search(_search text, _filter jsonb, _map jsonb, _case_sensitive boolean)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _fields constant jsonb := (select jsonb_object_agg(f.key, f.value) from jsonb_each(_map) f where f.value ->> 'type' is distinct from 'json');
  _parts jsonb;
  _of_jobs jsonb;
  _rest jsonb;
  _values jsonb;
  _jobs bigint[];
  _keys bigint[];
  _numbers bigint[];
begin
  if _filter = '{}' then
    return jsonb_build_object('jobs', null, 'keys', null, 'types', to_jsonb(pgjobs.search_types(null)),
      'statuses', to_jsonb(pgjobs.search_statuses(null)), 'job_condition', 'true', 'condition', 'true');
  end if;
  -- The whole filter once, so that a refusal names the place as the caller knows it.
  perform pgjobs.filter_condition(_filter, _fields, _case_sensitive);
  perform pgjobs.check_search_words(_filter, _map, _case_sensitive);
  _parts := pgjobs.filter_parts(_filter);
  _values := pgjobs.filter_values(_parts, _map);
  if _search <> 'tasks' and _values ? 'jobId' then
    _jobs := array(select v::bigint from jsonb_array_elements_text(_values -> 'jobId') v where v ~ '^[0-9]{1,18}$');
  elsif _search <> 'tasks' and _values ? 'taskId' then
    _jobs := array(
      select r.job_id
      from pgjobs.task_runs r
      where r.task_id = any (array(select v::bigint from jsonb_array_elements_text(_values -> 'taskId') v where v ~ '^[0-9]{1,18}$')));
  end if;
  if _search = 'operations' and _values ? 'operationId' then
    select coalesce(array_agg(i.job_id), '{}'), coalesce(array_agg(i.key), '{}') into _jobs, _keys
    from jsonb_array_elements_text(_values -> 'operationId') v cross join lateral pgjobs.item_of(v) i
    where _jobs is null or i.job_id = any (_jobs);
  end if;
  if _search = 'operations' and _values ? 'entityId' then
    -- The key of an operation is the number of its entity. One that is not in the directory may still have operations.
    _numbers := array(select e.number from pgjobs.entities e where e.id = any (array(select jsonb_array_elements_text(_values -> 'entityId'))));
    if cardinality(_numbers) = jsonb_array_length(_values -> 'entityId') then
      _keys := array(select n from unnest(_numbers) n where _keys is null or n = any (_keys));
    end if;
  end if;
  -- What is asked of the job alone is asked once for each job.
  select coalesce(jsonb_agg(s.part) filter (where s.per_job), '[]'), coalesce(jsonb_agg(s.part) filter (where not s.per_job), '[]') into _of_jobs, _rest
  from (
    select p.part, _search <> 'operations' or coalesce((
      select bool_and((_map -> pgjobs.search_name(_map, n) ->> 'per_job')::boolean) from unnest(pgjobs.filter_names(p.part)) n), false) as per_job
    from jsonb_array_elements(_parts) p (part)) s;
  return jsonb_build_object(
    'jobs', to_jsonb(_jobs), 'keys', to_jsonb(_keys),
    'types', to_jsonb(pgjobs.search_types(case when _values ?| '{jobOperationName,operationName}' then
      array(select jsonb_array_elements_text(coalesce(_values -> 'jobOperationName', _values -> 'operationName'))) end)),
    'statuses', to_jsonb(pgjobs.search_statuses(case when _values ? 'jobStatus' then array(select jsonb_array_elements_text(_values -> 'jobStatus')) end)),
    'job_condition', case when _of_jobs = '[]' then 'true' else pgjobs.filter_condition(jsonb_build_object('and', _of_jobs), _fields, _case_sensitive) end,
    'condition', case when _rest = '[]' then 'true' else pgjobs.filter_condition(jsonb_build_object('and', _rest), _fields, _case_sensitive) end);
end;
$$;
comment on function pgjobs.narrow_search(text, jsonb, jsonb, boolean) is
  'A filter taken apart: the jobs, types and statuses of jobs, and keys of operations, that it leaves, where it says so, and the conditions over j alone and over the rest that have to hold besides. Refuses (PJ400) what filter_condition() refuses.';
