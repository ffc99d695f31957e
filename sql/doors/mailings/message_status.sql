-- Reads: nothing   Writes: nothing
create or replace function pgjobs.message_status(_status "char")
returns text
language sql
immutable
as $$
  select case _status when 's' then 'SENT' when 't' then 'TIMEOUT' when 'f' then 'FAILED' when 'x' then 'FAILED' when 'c' then 'FAILED' else 'Pending' end;
$$;
comment on function pgjobs.message_status("char") is
  'What the door of mailings calls the status of an item: cancelled and refused ones were never delivered, so they are FAILED.';
