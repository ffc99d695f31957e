-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_result(_status "char", _result text)
returns text
language sql
immutable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select case
    when _status = 's' then 'SUCCESSFUL'
    when _status = 'f' then coalesce(_result, 'ERROR')
    -- Closed by the stop of the job; a limit of its attempt says ERROR_TIMEOUT.
    when _status = 'c' or _status = 't' and _result = 'timed_out' then 'CANCELLED'
    when _status = 't' then 'ERROR_TIMEOUT'
    when _status = 'x' then 'ERROR' end;
$$;
comment on function pgjobs.operation_result("char", text) is
  'What the door of the operations calls the outcome of an item; null while it is open. What never went out is an ERROR.';
