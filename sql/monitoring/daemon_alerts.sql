-- Reads: daemons, schema_state   Writes: nothing
create or replace function pgjobs.daemon_alerts()
returns table (name text, subject text, since timestamptz, summary text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  with clock (now) as (
    select clock_timestamp()
  ), alive as (
    select w.name, w.host, w.broker, w.has_broker, w.started_at, w.seen_at, coalesce(d.broker_at, w.started_at) as broker_at,
      pgjobs.measured(w.metrics, 'listen_down_seconds') as listen_down, pgjobs.measured(w.metrics, 'published_5m') as published,
      pgjobs.measured(w.metrics, 'refused_5m') as refused, pgjobs.measured(w.metrics, 'fenced_15m') as fenced,
      pgjobs.measured(w.metrics, 'snapshot_age') as snapshot, pgjobs.measured(w.metrics, 'busy_10m') as busy,
      pgjobs.measured(w.metrics, 'confirmed_10m') as confirmed, pgjobs.measured(w.metrics, 'confirmed_60m') as baseline,
      1 - pgjobs.measured(w.metrics, 'log_volume_free') / nullif(pgjobs.measured(w.metrics, 'log_volume_size'), 0) as full
    from pgjobs.live_daemons() w
    join pgjobs.daemons d on d.id = w.id
  )
  select 'PgjobsNoDaemon', 'daemons', l.at, 'no daemon is alive'
  from clock c
  -- Where none was ever heard of, the database may be one that is just being set up.
  cross join lateral (select coalesce((select max(d.seen_at) from pgjobs.daemons d), (select s.applied_at + interval '5 minutes' from pgjobs.schema_state s)) as at) l
  where l.at < c.now and not exists (select from alive)
  union all
  select 'PgjobsDaemonSilent', 'daemon ' || d.name, max(d.seen_at), format('daemon %s was not heard of for %s s', d.name, round(pgjobs.seconds_between(max(d.seen_at), min(c.now))))
  from pgjobs.daemons d, clock c
  group by d.name
  having max(d.seen_at) < min(c.now) - interval '1 minute'
  union all
  select 'PgjobsBrokerBlocked', 'daemon ' || a.name, a.broker_at, format('an alarm of the broker blocks daemon %s: %s', a.name, a.broker)
  from alive a, clock c
  where a.broker like 'blocked: %' and a.broker_at < c.now - interval '2 minutes'
  union all
  select 'PgjobsBrokerUnreachable', 'daemon ' || a.name, a.broker_at, format('daemon %s does not reach the broker: %s', a.name, a.broker)
  from alive a, clock c
  where not a.has_broker and a.broker not like 'blocked: %' and a.broker_at < c.now - interval '2 minutes'
  union all
  select 'PgjobsListenDown', 'daemon ' || a.name, a.seen_at - make_interval(secs => least(a.listen_down, 1e9)), format('daemon %s hears no notifications', a.name)
  from alive a
  where a.listen_down > 60
  union all
  select 'PgjobsMessagesRejected', 'daemon ' || a.name, a.seen_at - interval '5 minutes',
    format('%s %% of the messages of daemon %s were returned or refused', round((100 * a.refused / a.published)::numeric, 1), a.name)
  from alive a
  where a.published > 0 and a.refused > 0.01 * a.published
  union all
  select 'PgjobsThroughputLow', 'daemons', max(a.seen_at) - interval '10 minutes',
    format('%s records a second are confirmed; in the last hour there were %s a second', round(sum(a.confirmed)::numeric / 600, 1), round(sum(a.baseline)::numeric / 3600, 1))
  from alive a, clock c
  having sum(a.busy) > 0 and sum(a.baseline) >= 3600 and sum(a.confirmed) / 600 < 0.1 * sum(a.baseline) / 3600
    and min(a.started_at) < min(c.now) - interval '1 hour'
  union all
  select 'PgjobsShardsFenced', 'daemon ' || a.name, a.seen_at - interval '15 minutes', format('daemon %s has lost shards to others: %s', a.name, a.fenced)
  from alive a
  where a.fenced > 0
  union all
  select 'PgjobsLogVolumeFull', 'daemon ' || a.name, a.seen_at, format('the log volume of daemon %s is full to %s %%', a.name, round((100 * a.full)::numeric))
  from alive a
  where a.full > 0.85
  union all
  select 'PgjobsOldSnapshot', 'daemon ' || a.name, a.seen_at - make_interval(secs => least(a.snapshot, 1e9)),
    format('a session of the role of daemon %s has held its snapshot for %s s', a.name, round(a.snapshot))
  from alive a
  where a.snapshot > 60;
$$;
comment on function pgjobs.daemon_alerts() is
  'The alerts about daemons, out of their heartbeats.';
