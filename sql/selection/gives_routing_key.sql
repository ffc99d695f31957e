-- Reads: nothing   Writes: nothing
create or replace function pgjobs.gives_routing_key(_statement text)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  -- Nothing is read: explain would need a function that may write.
  execute format('select s.routing_key from (%s) s limit 0', _statement);
  return true;
exception when undefined_column then
  return false;
end;
$$;
comment on function pgjobs.gives_routing_key(text) is 'Whether the statement of a selector has the column routing_key, which may be left out.';
