-- Reads: daemons   Writes: daemon_counters
create or replace function pgjobs.clear_counters(_rule pgjobs.retention, _until timestamptz)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone bigint;
begin
  delete from pgjobs.daemon_counters c
  where not exists (select from pgjobs.daemons w where w.name = c.daemon)
    and not exists (select from pgjobs.daemon_counters g where g.daemon = c.daemon and g.grown_at >= _until);
  get diagnostics _gone = row_count;
  _rule.cleared := _rule.cleared + _gone;
  _rule.next_at := clock_timestamp() + interval '1 hour';
  return _rule;
end;
$$;
comment on function pgjobs.clear_counters(pgjobs.retention, timestamptz) is
  'Clears the counters of daemons that are not heard of any more and have counted nothing since a moment. Returns the rule as it is now.';
