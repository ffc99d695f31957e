-- Reads: what operation_report reads   Writes: nothing
create or replace function pgjobs.operation_job_json(_job public.xmp_jobs)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
      'id', _job.id::text,
      'request', jsonb_build_object('name', coalesce(_job.name, upper(_job.type::text)), 'parameters', coalesce(_job.params -> 'parameters', '{}'))
        || coalesce(_job.request, '{}') || jsonb_build_object('active', _job.active),
      'report', pgjobs.operation_report(_job))
    || case when _job.task_id is null then '{}' else jsonb_build_object('taskId', _job.task_id::text) end;
$$;
comment on function pgjobs.operation_job_json(public.xmp_jobs) is
  'A job as the operations show it: id, the task that made it, what was asked for, and the report.';
