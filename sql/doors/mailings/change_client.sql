-- Reads: entities   Writes: entities
create or replace function pgjobs.change_client(_id bigint, _given jsonb, _partly boolean, _actor text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _client constant pgjobs.entities := pgjobs.expect_client(_id);
  _answer json;
begin
  perform pgjobs.set_actor(_actor);
  update pgjobs.entities e
  set tags = r.tags, attributes = r.attributes
  from pgjobs.read_client(_given, _id, case when _partly then to_jsonb(pgjobs.client_json(_client)) - 'id' end) r
  where e.number = _id
  returning pgjobs.client_json(e) into _answer;
  return _answer;
end;
$$;
comment on function pgjobs.change_client(bigint, jsonb, boolean, text) is
  'Changes a client of mailings, wholly or only the fields that are given; refuses (PJ404, PJ400). Answers with the client. Messages of mailings that have started stay as they are.';
