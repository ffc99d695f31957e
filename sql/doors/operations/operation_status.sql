-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_status(_status "char")
returns text
language sql
immutable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select case _status
    when 'w' then 'PENDING_EXECUTION'
    when 'l' then 'IN_PROGRESS'
    when 'r' then 'WAITING_FOR_CONNECTION'
    else 'FINISHED' end;
$$;
comment on function pgjobs.operation_status("char") is
  'What the door of the operations calls the status of an item; one that waits for the start of its job is SCHEDULED besides.';
