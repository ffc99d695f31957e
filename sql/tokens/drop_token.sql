-- Reads: nothing   Writes: tokens
create or replace function pgjobs.drop_token(_name text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from pgjobs.tokens t where t.name = _name;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_token', 'name', format('there is no token %s', _name), 'look it up: pgjobs token list', 'pgjobs.tokens');
  end if;
end;
$$;
comment on function pgjobs.drop_token(text) is 'Locks a token out at once; refuses (PJ404) when there is none of this name.';
