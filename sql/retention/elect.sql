-- Reads: nothing   Writes: maintenance
create or replace function pgjobs.elect(_daemon uuid, _lease interval)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.maintenance m
  set daemon = _daemon, lease_until = clock_timestamp() + _lease
  where m.daemon is null or m.daemon = _daemon or m.lease_until < clock_timestamp();
  return found;
end;
$$;
comment on function pgjobs.elect(uuid, interval) is
  'Whether this daemon does the chores of the database: the one that asks first, as long as it asks again before its lease runs out. When it falls silent or leaves, another one is elected.';
