-- Reads: nothing   Writes: requests
create or replace function pgjobs.keep_request(_actor text, _once jsonb, _answer jsonb)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.requests r set answer = _answer where r.actor = coalesce(_actor, '') and r.key = _once ->> 'key';
$$;
comment on function pgjobs.keep_request(text, jsonb, jsonb) is
  'Keeps what a request under an Idempotency-Key is answered, in the transaction that has done it; nothing without a key.';
