-- Reads: nothing   Writes: calls
create or replace function pgjobs.close_call(_call_id bigint, _worker uuid, _published bigint, _error text)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.calls c
  set published = _published, error = _error, closed_at = clock_timestamp()
  where c.id = _call_id and c.owner = _worker and c.closed_at is null;
$$;
comment on function pgjobs.close_call(bigint, uuid, bigint, text) is
  'Answers a call: how many messages were confirmed, or in a sentence what went wrong.';
