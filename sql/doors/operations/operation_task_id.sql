-- Reads: tasks, xmp_job_types   Writes: nothing
create or replace function pgjobs.operation_task_id(_id text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _found bigint;
begin
  select t.id into _found
  from pgjobs.tasks t
  join public.xmp_job_types y on y.name = t.type
  where _id ~ '^[1-9][0-9]{0,17}$' and t.id = case when _id ~ '^[1-9][0-9]{0,17}$' then _id::bigint end
    and 'operations' = any (y.doors);
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_task', 'id', format('there is no task %s', left(_id, 100)), 'look it up: POST /search/tasks', 'pgjobs.tasks');
  end if;
  return _found;
end;
$$;
comment on function pgjobs.operation_task_id(text) is
  'The number of a task whose jobs are operations; refuses (PJ404) any other text.';
