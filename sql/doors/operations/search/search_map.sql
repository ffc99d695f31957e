-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_map(_what text)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  with fields as (
    select f.*, regexp_replace(f.name, '^(job|operation|task|entity|resource)([A-Z])', '\1.') as head,
      substring(f.name from '^(?:job|operation|task|entity|resource)([A-Z])') as letter
    from pgjobs.search_fields(_what) f
  )
  select jsonb_object_agg(a.alias, to_jsonb(a.name))
      || (select jsonb_object_agg(f.name, jsonb_build_object('sql', f.sql, 'type', f.type, 'per_job', f.per_job)) from fields f)
  from (
    -- jobStatus is job.status as well.
    select replace(f.head, '.', '.' || lower(f.letter)) as alias, f.name from fields f where f.letter is not null
    union all
    -- What the vendor's clients list besides.
    select v.alias, v.name
    from (values
      ('jobs', 'operationName', 'jobOperationName'), ('jobs', 'operation.name', 'jobOperationName'),
      ('tasks', 'operationName', 'jobOperationName'), ('tasks', 'operation.name', 'jobOperationName'),
      ('tasks', 'tasks.id', 'taskId'), ('tasks', 'tasks.name', 'taskName'), ('tasks', 'tasks.description', 'taskDescription'),
      ('tasks', 'tasks.state', 'taskState'),
      ('tasks', 'tasks.job.request.user', 'jobUser'), ('tasks', 'taskStatus', 'taskState'), ('tasks', 'task.status', 'taskState')
    ) v (what, alias, name)
    where v.what = _what) a;
$$;
comment on function pgjobs.search_map(text) is
  'The fields of a search by name, with SQL, type and per_job; an alias is the name of its field: as filter_condition() wants them.';
