-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_status(_status "char")
returns text
language sql
immutable
as $$
  select case when _status = 'w' then 'PENDING_EXECUTION'
              when _status = 'l' then 'IN_PROGRESS'
              when _status = 'r' then 'WAITING_FOR_CONNECTION'
              else 'FINISHED' end;
$$;
comment on function pgjobs.operation_status("char") is 'What the door of operations calls the status of an item.';
