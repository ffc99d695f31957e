-- Reads: daemons   Writes: nothing
create or replace function pgjobs.live_daemons()
returns table (
  id uuid, name text, host text, pid integer, version text, started_at timestamptz, seen_at timestamptz, broker text, metrics jsonb,
  has_broker boolean, has_place boolean, autostart boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select w.id, w.name, w.host, w.pid, w.version, w.started_at, w.seen_at, w.broker, w.metrics,
    w.broker in ('', 'idle', 'connected'), w.has_place, w.autostart
  from pgjobs.daemons w
  where w.seen_at > clock_timestamp() - interval '15 seconds';
$$;
comment on function pgjobs.live_daemons() is
  'The daemons that are alive: heard of within 15 seconds, which is three heartbeats. has_broker: nothing is known to keep it from publishing; has_place: it could run a further shard.';
