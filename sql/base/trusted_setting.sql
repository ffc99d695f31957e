-- Reads: pg_namespace, a session setting   Writes: nothing
create or replace function pgjobs.trusted_setting(_name text, _roles text[] default '{}')
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _value constant text := nullif(current_setting(_name, true), '');
  _role text;
begin
  -- Anybody can make a setting of any name: what counts is the role that logged in, not the one a function runs as.
  if _value is null then
    return null;
  end if;
  -- Each by its name, for pg_roles is a join, and many events ask; of a role that is missing nobody is a member.
  foreach _role in array _roles || (select n.nspowner::regrole::text from pg_namespace n where n.nspname = 'pgjobs') loop
    if pg_has_role(session_user, to_regrole(_role), 'MEMBER') then
      return _value;
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.trusted_setting(text, text[]) is
  'A session setting, where the session''s role is a member of the owner of schema pgjobs or of one of these roles; null where it is not, or where nothing is set. Nothing is looked up while the setting is empty.';
