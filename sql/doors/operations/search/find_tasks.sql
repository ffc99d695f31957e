-- Reads: tasks, task_progress, and what the condition reads   Writes: nothing
create or replace function pgjobs.find_tasks(
  _asked jsonb, _start bigint, _size bigint, out jobs bigint[], out keys bigint[], out more boolean, out total bigint, out behind jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _skip constant bigint := (_start - 1) * _size;
begin
  execute format($tasks$
    select array(
      select t.id
      from pgjobs.tasks t
      left join pgjobs.task_progress p on p.task_id = t.id
      where t.type = any (array(select jsonb_array_elements_text($1))) and (%s) and (%s)
      order by %s offset $2 limit $3)$tasks$, _asked ->> 'job_condition', _asked ->> 'condition', concat(_asked ->> 'sort' || ', ', 't.id desc'))
  into jobs using _asked -> 'types', _skip, _size + 1;
  more := cardinality(jobs) > _size;
  jobs := jobs[:_size];
end;
$$;
comment on function pgjobs.find_tasks(jsonb, bigint, bigint) is
  'A page of the tasks that a search asks for, as read_search() gives it: the newest first, or in its own order; whether there are more.';
