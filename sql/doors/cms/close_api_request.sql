-- Reads: nothing   Writes: api_requests
create or replace function pgjobs.close_api_request(_call_id bigint, _daemon uuid, _published bigint, _error text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.api_requests c
  set published = _published, error = _error, closed_at = clock_timestamp()
  where c.id = _call_id and c.owner = _daemon and c.closed_at is null;
$$;
comment on function pgjobs.close_api_request(bigint, uuid, bigint, text) is
  'Answers a call: how many messages were confirmed, or in a sentence what went wrong.';
