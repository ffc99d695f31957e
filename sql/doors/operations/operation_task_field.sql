-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_task_field(_column text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case _column
    when 'starts_at' then 'schedule.start.date'
    when 'stops_at' then 'schedule.stop.date'
    when 'most_runs' then 'schedule.stop.executions'
    when 'name' then 'name'
    when 'description' then 'description'
    else case when _column like 'repeating%' then 'schedule.' || _column
              when _column = 'callback_url' then 'job.request.callback'
              when _column like 'schedule%' then 'job.request.' || _column
              else _column end end;
$$;
comment on function pgjobs.operation_task_field(text) is
  'How callers of the operations name a column of a task, or a field of it, in which something is wrong.';
