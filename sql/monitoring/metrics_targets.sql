-- Reads: daemons   Writes: nothing
create or replace function pgjobs.metrics_targets(_host text)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'targets', jsonb_build_array(t.metrics_address),
    'labels', jsonb_build_object('daemon', t.name, 'host', t.host)) order by t.host, t.metrics_address), '[]')
  from (
    select distinct on (l.host_or_any, w.metrics_address) w.name, w.host, w.metrics_address
    from pgjobs.daemons w
    cross join lateral (select w.metrics_address ~ '^(127\.|\[::1\]|localhost:)' as own) a
    cross join lateral (select case when a.own then w.host else '' end as host_or_any) l
    where w.metrics_address <> '' and (not a.own or w.host = _host)
    order by l.host_or_any, w.metrics_address, w.seen_at desc
  ) t;
$$;
comment on function pgjobs.metrics_targets(text) is
  'Where the metrics of the daemons are, as Prometheus takes it from HTTP service discovery. An address of loopback is told to its own host alone. A daemon that was killed stands there for ten minutes, so that it is seen to be down; one that ended in order does not.';
