-- Reads: nothing   Writes: daemons
create or replace function pgjobs.beat(
  _daemon uuid, _name text, _host text, _pid integer, _version text, _broker text, _metrics jsonb default '{}',
  _metrics_address text default '')
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.daemons as w (id, name, host, pid, version, started_at, seen_at, broker, broker_at, metrics, metrics_address)
  select _daemon, _name, _host, _pid, _version, c.now, c.now, _broker, c.now,
    case jsonb_typeof(_metrics) when 'object' then _metrics else '{}' end, _metrics_address
  from (select clock_timestamp() as now) c
  on conflict (id) do update
  set seen_at = excluded.seen_at, broker = excluded.broker, metrics = excluded.metrics, metrics_address = excluded.metrics_address,
    broker_at = case when w.broker = excluded.broker then w.broker_at else excluded.broker_at end;
$$;
comment on function pgjobs.beat(uuid, text, text, integer, text, text, jsonb, text) is
  'The heartbeat of a daemon: the state of its broker in words, a few numbers by name, and where its metrics are for Prometheus.';
