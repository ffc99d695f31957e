-- Reads: what the selector of the call reads   Writes: nothing
create or replace function pgjobs.open_api_request(_call_id bigint)
returns refcursor
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _records refcursor := 'records';
  _selector text;
  _statement text;
begin
  select c.selector into strict _selector from pgjobs.api_requests c where c.id = _call_id;
  execute format('select %s($1)', pgjobs.trusted_selector(_selector, '{bigint}')) into _statement using _call_id;
  open _records no scroll for execute _statement;
  return _records;
end;
$$;
comment on function pgjobs.open_api_request(bigint) is 'Opens the cursor "records" over the records of a call.';
