-- Reads: entities   Writes: nothing
create or replace function pgjobs.show_client(_id bigint)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _answer json;
begin
  select pgjobs.client_json(e) into _answer from pgjobs.entities e where e.number = _id and e.type = 'client';
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_client', '', format('there is no client %s', _id), 'GET /clients lists them', '');
  end if;
  return _answer;
end;
$$;
comment on function pgjobs.show_client(bigint) is 'A client of mailings as JSON; refuses (PJ404) where there is none.';
