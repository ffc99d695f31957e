-- Reads: nothing   Writes: calls
create or replace function pgjobs.abandon_calls(_worker uuid)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.calls c
  set closed_at = clock_timestamp(),
      error = 'the daemon lost the database while it published, and a part may have been published'
  where c.owner = _worker and c.closed_at is null;
$$;
comment on function pgjobs.abandon_calls(uuid) is
  'Closes the calls a daemon had begun when it lost the database: their askers are told, and decide.';
