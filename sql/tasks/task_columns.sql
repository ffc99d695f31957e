-- Reads: nothing   Writes: nothing
create or replace function pgjobs.task_columns(_task pgjobs.tasks)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(c.key, case when c.key = 'request' and pgjobs.lists_entities(c.value) then c.value - 'target' else c.value end)
    || jsonb_build_object('name', nullif(_task.name, ''))
  from jsonb_each(to_jsonb(_task)) c
  where c.key in ('type', 'params', 'file_name', 'priority', 'id_user', 'shards', 'callback_url', 'rate', 'max_backlog', 'schedule', 'budget', 'rules',
    'media_type', 'reference_id', 'custom_type', 'configuration', 'notify', 'notes', 'request', 'submitted_by');
$$;
comment on function pgjobs.task_columns(pgjobs.tasks) is
  'What a task gives to its jobs: the columns of xmp_jobs that it has, as it has them, its name included; entities that its request lists become items of the job instead.';
