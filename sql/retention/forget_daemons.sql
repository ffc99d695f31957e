-- Reads: nothing   Writes: daemons
create or replace function pgjobs.forget_daemons()
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from pgjobs.daemons w where w.seen_at < clock_timestamp() - interval '10 minutes';
$$;
comment on function pgjobs.forget_daemons() is
  'Forgets daemons that have been silent for ten minutes.';
