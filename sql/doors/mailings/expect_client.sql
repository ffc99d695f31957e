-- Reads: entities   Writes: nothing (locks the row)
create or replace function pgjobs.expect_client(_id bigint)
returns pgjobs.entities
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _client pgjobs.entities;
begin
  select * into _client from pgjobs.entities e where e.number = _id and e.type = 'client' for update;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_client', '', format('there is no client %s', _id), 'GET /clients lists them', '');
  end if;
  return _client;
end;
$$;
comment on function pgjobs.expect_client(bigint) is 'A client, whose row is locked; refuses (PJ404) where there is none.';
