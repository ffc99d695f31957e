-- Reads: the WAL position of this server   Writes: nothing
create or replace function pgjobs.is_replayed(_lsn text)
returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select not pg_is_in_recovery() or pg_last_wal_replay_lsn() >= _lsn::pg_lsn;
$$;
comment on function pgjobs.is_replayed(text) is
  'Whether this server knows everything that had been committed at that WAL position; always true on the primary.';
