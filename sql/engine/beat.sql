-- Reads: nothing   Writes: daemons, daemon_counters
create or replace function pgjobs.beat(
  _daemon uuid, _name text, _host text, _pid integer, _version text, _broker text, _gauges jsonb,
  _number bigint default 0, _growth jsonb default '[]')
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := clock_timestamp();
  _before bigint := (select w.beats from pgjobs.daemons w where w.id = _daemon for update);
begin
  insert into pgjobs.daemons as w (id, name, host, pid, version, started_at, seen_at, broker, metrics, beats)
  values (_daemon, _name, _host, _pid, _version, _now, _now, _broker, _gauges, _number)
  on conflict (id) do update set seen_at = _now, broker = excluded.broker, metrics = excluded.metrics, beats = excluded.beats;
  if _number > coalesce(_before, 0) then
    -- In the order of the key, so that two daemons of one name never wait for each other in a circle.
    insert into pgjobs.daemon_counters as c (daemon, name, labels, kind, help, value, grown_at)
    select _name, x ->> 'name', coalesce(x -> 'labels', '{}'), max(x ->> 'kind'), coalesce(max(x ->> 'help'), ''),
           sum(least((x ->> 'value')::numeric, 1e300))::double precision, _now
    from jsonb_array_elements(case jsonb_typeof(_growth) when 'array' then _growth else '[]' end) x
    where x ? 'name' and x ->> 'kind' in ('counter', 'histogram') and jsonb_typeof(x -> 'value') = 'number' and (x ->> 'value')::numeric >= 0
    group by x ->> 'name', coalesce(x -> 'labels', '{}')
    order by 2, 3
    on conflict (daemon, name, labels) do update
    set value = c.value + excluded.value, kind = excluded.kind, help = excluded.help, grown_at = excluded.grown_at;
  end if;
end;
$$;
comment on function pgjobs.beat(uuid, text, text, integer, text, text, jsonb, bigint, jsonb) is
  'The heartbeat of a daemon: its gauges as they are, and by how much its counters have grown, which is added up by the daemon''s name. A beat that comes twice with the same number is added up once.';
