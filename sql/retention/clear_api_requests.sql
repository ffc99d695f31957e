-- Reads: nothing   Writes: api_requests
create or replace function pgjobs.clear_api_requests(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone bigint;
begin
  delete from pgjobs.api_requests r
  where r.id = any (array(
    select c.id from pgjobs.api_requests c where c.asked_at < _until order by c.asked_at limit _most));
  get diagnostics _gone = row_count;
  _rule.cleared := _rule.cleared + _gone;
  if _gone < _most then
    _rule.next_at := clock_timestamp() + interval '1 hour';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_api_requests(pgjobs.retention, timestamptz, bigint) is
  'Clears requests of /api that were made before a moment, so many at most; their askers have long been gone. Returns the rule as it is now.';
