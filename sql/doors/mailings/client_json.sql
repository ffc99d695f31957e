-- Reads: nothing   Writes: nothing
create or replace function pgjobs.client_json(_client pgjobs.entities)
returns json
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select json_build_object('id', _client.number, 'phone', _client.attributes ->> 'phone', 'operator_code', _client.attributes ->> 'operator_code',
                           'tag', _client.tags[1], 'timezone', _client.attributes ->> 'timezone');
$$;
comment on function pgjobs.client_json(pgjobs.entities) is 'A client as the door of mailings shows it.';
