-- Reads: nothing   Writes: workers
create or replace function pgjobs.leave(_worker uuid)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  delete from pgjobs.workers w where w.id = _worker;
$$;
comment on function pgjobs.leave(uuid) is 'A daemon that shuts down takes its heartbeat along.';
