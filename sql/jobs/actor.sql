-- Reads: the session setting pgjobs.actor   Writes: nothing
create or replace function pgjobs.actor()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- The web process speaks for its callers, and a daemon says its name.
  select pgjobs.trusted_setting('pgjobs.actor', '{pgjobs_daemon,pgjobs_web}');
$$;
comment on function pgjobs.actor() is
  'On whose behalf this session acts, as "token cms-1" or "daemon host-1"; null where it acts for its own role, or where its role is not trusted to say.';
