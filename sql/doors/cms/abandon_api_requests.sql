-- Reads: nothing   Writes: api_requests
create or replace function pgjobs.abandon_api_requests(_daemon uuid, _running bigint[])
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.api_requests c
  set closed_at = clock_timestamp(),
      error = 'the daemon lost the database while it published, and a part may have been published'
  where c.owner = _daemon and c.closed_at is null and c.id <> all (_running);
$$;
comment on function pgjobs.abandon_api_requests(uuid, bigint[]) is
  'Closes the calls a daemon took and is not answering any more, which are all but the given ones: their askers are told, and decide.';
