-- Reads: nothing   Writes: nothing
create or replace function pgjobs.status_after(_good boolean, _result text, _attempts integer, _retry_limit integer, _retry_results text[])
returns "char"
language sql
immutable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select (case
    when _good then 's'
    when _attempts <= _retry_limit and coalesce(_result = any (_retry_results), true) then 'r'
    when _result = 'ERROR_TIMEOUT' then 't'
    else 'f' end)::"char";
$$;
comment on function pgjobs.status_after(boolean, text, integer, integer, text[]) is
  'What becomes of an item after so many attempts, the last of which had this result: closed as good, tried again where a retry is left and the result is one of those (null: each that is not good), closed by time, or closed as failed.';
