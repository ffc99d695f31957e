-- Reads: pg_namespace, pg_roles, a session setting   Writes: nothing
create or replace function pgjobs.trusted_setting(_name text, _roles text[] default '{}')
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _value constant text := nullif(current_setting(_name, true), '');
begin
  -- Anybody can make a setting of any name: what counts is the role that logged in, not the one a function runs as.
  if _value is null or not exists (
    select from pg_roles r
    where (r.rolname = any (_roles) or r.oid = (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs'))
      and pg_has_role(session_user, r.oid, 'MEMBER'))
  then
    return null;
  end if;
  return _value;
end;
$$;
comment on function pgjobs.trusted_setting(text, text[]) is
  'A session setting, where the session''s role is a member of the owner of schema pgjobs or of one of these roles; null where it is not, or where nothing is set. Nothing is looked up while the setting is empty.';
