-- Reads: nothing   Writes: callbacks (their attempts go along)
create or replace function pgjobs.clear_callbacks(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone bigint;
begin
  delete from pgjobs.callbacks n
  where n.id = any (array(
    select c.id from pgjobs.callbacks c where c.closed_at < _until order by c.closed_at limit _most));
  get diagnostics _gone = row_count;
  _rule.cleared := _rule.cleared + _gone;
  if _gone < _most then
    _rule.next_at := clock_timestamp() + interval '1 hour';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_callbacks(pgjobs.retention, timestamptz, bigint) is
  'Clears callbacks that were closed before a moment, so many at most; an open one never. Returns the rule as it is now.';
