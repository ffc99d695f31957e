-- Reads: tasks, xmp_job_types, and what operation_task_json reads   Writes: nothing
create or replace function pgjobs.list_operation_tasks(_page bigint, _size bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _types constant text[] := array(select y.name from public.xmp_job_types y where 'operations' = any (y.doors));
  _total bigint;
  _listed jsonb;
begin
  _page := greatest(coalesce(_page, 1), 1);
  _size := pgjobs.page_size(_size);
  _total := (select count(*) from pgjobs.tasks t where t.type = any (_types));
  if (_page - 1)::numeric * _size >= _total then
    return null;
  end if;
  select jsonb_agg(pgjobs.operation_task_json(t) order by t.id desc) into _listed
  from (select k.* from pgjobs.tasks k where k.type = any (_types) order by k.id desc offset (_page - 1) * _size limit _size) t;
  return jsonb_build_object('tasks', _listed, 'page', jsonb_build_object('number', _page, 'of', ceil(_total::numeric / _size)));
end;
$$;
comment on function pgjobs.list_operation_tasks(bigint, bigint) is
  'A page of the tasks whose jobs are operations, the newest first: {"tasks", "page": {"number", "of"}}, of 10 or so many, at most 1000; null behind the last one.';
