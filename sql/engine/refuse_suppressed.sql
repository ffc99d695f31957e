-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_suppressed(_to text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using errcode = 'object_not_in_prerequisite_state',
    message = format('a trigger, a rule or a row security policy suppresses the change to %s', _to);
end;
$$;
comment on function pgjobs.refuse_suppressed(text) is
  'Raises the error of an update of a job''s status that succeeded and changed nothing; asked for by whoever has looked.';
