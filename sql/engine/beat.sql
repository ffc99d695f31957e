-- Reads: nothing   Writes: daemons
create or replace function pgjobs.beat(
  _daemon uuid, _name text, _host text, _pid integer, _version text, _broker text, _metrics jsonb)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.daemons as w (id, name, host, pid, version, started_at, seen_at, broker, metrics)
  values (_daemon, _name, _host, _pid, _version, clock_timestamp(), clock_timestamp(), _broker, _metrics)
  on conflict (id) do update set seen_at = clock_timestamp(), broker = excluded.broker, metrics = excluded.metrics;
  delete from pgjobs.daemons w where w.seen_at < clock_timestamp() - interval '10 minutes';
$$;
comment on function pgjobs.beat(uuid, text, text, integer, text, text, jsonb) is
  'The heartbeat of a daemon with what it measures; forgets daemons that have been silent for ten minutes.';
