-- Reads: nothing   Writes: daemons, maintenance
create or replace function pgjobs.leave(_daemon uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from pgjobs.daemons w where w.id = _daemon;
  update pgjobs.maintenance m set daemon = null where m.daemon = _daemon;
$$;
comment on function pgjobs.leave(uuid) is 'A daemon that shuts down takes its heartbeat along, and another one does the chores.';
