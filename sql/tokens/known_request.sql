-- Reads: requests   Writes: requests
create or replace function pgjobs.known_request(_actor text, _once jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _known pgjobs.requests;
begin
  if _once is null then
    return null;
  end if;
  -- Whoever comes second waits here until the first one has committed or failed.
  insert into pgjobs.requests (actor, key, digest, at)
  values (coalesce(_actor, ''), _once ->> 'key', _once ->> 'digest', clock_timestamp())
  on conflict do nothing;
  if found then
    return null;
  end if;
  select * into strict _known from pgjobs.requests r where r.actor = coalesce(_actor, '') and r.key = _once ->> 'key';
  if _known.digest <> _once ->> 'digest' then
    perform pgjobs.refuse('PJ409', 'key_reused', 'Idempotency-Key',
      format('Idempotency-Key: %L was sent with another request', left(_once ->> 'key', 100)), 'take a new key for a new request; a repeated one has to be the same, byte for byte', 'pgjobs.requests');
  end if;
  return _known.answer;
end;
$$;
comment on function pgjobs.known_request(text, jsonb) is
  'The answer that this caller has got to the same request under the same Idempotency-Key, {"key", "digest"}; null: it is a new one, or has no key. Refuses (PJ409) another request under the same key.';
