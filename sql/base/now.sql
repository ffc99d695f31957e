-- Reads: the session setting pgjobs.now   Writes: nothing
create or replace function pgjobs.now()
returns timestamptz
language plpgsql
stable
as $$
begin
  -- Claims and triggers call this: without the setting nothing is looked up, and no search_path is set, for every name is
  -- one of pg_catalog or says its schema.
  if coalesce(current_setting('pgjobs.now', true), '') = '' then
    return clock_timestamp();
  end if;
  return coalesce(pgjobs.trusted_setting('pgjobs.now')::timestamptz, clock_timestamp());
end;
$$;
comment on function pgjobs.now() is
  'The time by which schedules are judged. In tests the session setting pgjobs.now replaces it, where the session''s role is a member of the owner of schema pgjobs; from anybody else the setting is ignored. Leases never use it.';
