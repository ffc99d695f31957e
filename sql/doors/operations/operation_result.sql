-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_result(_status "char", _result text)
returns text
language sql
immutable
as $$
  select case when _status in ('w', 'l', 'r') then null
              when _status = 's' then 'SUCCESSFUL'
              -- Closed by the stop of the job; a limit of its attempt says ERROR_TIMEOUT.
              when _status = 'c' or _status = 't' and _result = 'timed_out' then 'CANCELLED'
              when _status = 't' then 'ERROR_TIMEOUT'
              else coalesce(_result, 'ERROR') end;
$$;
comment on function pgjobs.operation_result("char", text) is
  'What the door of operations calls the outcome of an item; null while it is open.';
