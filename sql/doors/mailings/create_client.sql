-- Reads: requests   Writes: entities, requests
create or replace function pgjobs.create_client(_given jsonb, _actor text, _once jsonb)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _known constant jsonb := pgjobs.known_request(_actor, _once);
  _number bigint;
  _answer json;
begin
  if _known is not null then
    return _known #>> '{}';
  end if;
  _number := nextval(pg_get_serial_sequence('pgjobs.entities', 'number'));
  insert into pgjobs.entities as e (number, id, type, tags, attributes) overriding system value
  select _number, 'client-' || _number, 'client', r.tags, r.attributes from pgjobs.read_client(_given, null, null) r
  returning pgjobs.client_json(e) into _answer;
  perform pgjobs.keep_request(_actor, _once, to_jsonb(_answer::text));
  return _answer;
end;
$$;
comment on function pgjobs.create_client(jsonb, text, jsonb) is
  'Adds a client of mailings to the directory; refuses (PJ400) wrong fields. Answers with the client. _once: see known_request().';
