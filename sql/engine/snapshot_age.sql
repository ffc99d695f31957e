-- Reads: pg_stat_activity   Writes: nothing
create or replace function pgjobs.snapshot_age()
returns double precision
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(max(extract(epoch from statement_timestamp() - a.xact_start)), 0)::double precision
  from pg_stat_activity a
  where a.datname = current_database() and a.usename = session_user and a.application_name like 'pgjobs%'
    and a.backend_xmin is not null and a.pid <> pg_backend_pid();
$$;
comment on function pgjobs.snapshot_age() is
  'For how many seconds the oldest snapshot of the sessions of this login role has been held; so long VACUUM removes nothing. Of other roles nobody but a superuser is told, so each daemon asks for itself.';
