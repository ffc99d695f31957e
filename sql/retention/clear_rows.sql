-- Reads: nothing   Writes: the table that is named, by its id
create or replace function pgjobs.clear_rows(
  _rule pgjobs.retention, _table regclass, _moment name, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone bigint;
begin
  execute format('delete from %1$s r where r.id = any (array(select c.id from %1$s c where c.%2$I < $1 order by c.%2$I limit $2))',
                 _table, _moment) using _until, _most;
  get diagnostics _gone = row_count;
  _rule.cleared := _rule.cleared + _gone;
  if _gone < _most then
    _rule.next_at := clock_timestamp() + interval '1 hour';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_rows(pgjobs.retention, regclass, name, timestamptz, bigint) is
  'Clears rows of a table of the engine whose moment lies before another one, so many at most; a row without that moment never. Returns the rule as it is now.';
