-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_user(_submitted_by text)
returns text
language sql
immutable
as $$ select regexp_replace(_submitted_by, '^(token|http from) ', '') $$;
comment on function pgjobs.operation_user(text) is
  'Who created a job, as the operations name it: the name of the token, or the address of the caller.';
