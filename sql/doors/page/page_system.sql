-- Reads: daemons, shards, xmp_jobs, maintenance, agent_status, queue_depths, xmp_job_types, switch, schema_state, retention, reply_fault_counts   Writes: nothing
create or replace function pgjobs.page_system()
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'now', clock_timestamp(),
    'switch', (select jsonb_build_object('held', s.held, 'reason', s.reason, 'role', s.role, 'at', s.at) from pgjobs.switch s),
    'schema', (select jsonb_build_object('version', s.version, 'compatible_from', s.compatible_from, 'applied_at', s.applied_at) from pgjobs.schema_state s),
    'daemons', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', w.name, 'host', w.host, 'pid', w.pid, 'version', w.version, 'started_at', w.started_at, 'seen_at', w.seen_at,
        'age', greatest(0, round(pgjobs.seconds_between(w.seen_at, clock_timestamp()))),
        'alive', a.alive, 'broker', case when a.alive then w.broker end,
        'elected', exists (select from pgjobs.maintenance m where m.daemon = w.id and m.lease_until > clock_timestamp()),
        'metrics', nullif(w.metrics_address, ''), 'has_place', w.has_place, 'autostart', w.autostart, 'replies', w.replies,
        'running', (select count(*) from pgjobs.shards p where p.owner = w.id),
        'shards', (
          select coalesce(jsonb_agg(jsonb_build_object('job', o.job_id, 'shard', o.shard) order by o.job_id, o.shard), '[]')
          from (select p.job_id, p.shard from pgjobs.shards p where p.owner = w.id order by p.job_id, p.shard limit 50) o)
        ) order by w.name, w.started_at), '[]')
      from (select * from pgjobs.daemons d order by d.seen_at desc limit 200) w
      cross join lateral (select exists (select from pgjobs.live_daemons() l where l.id = w.id) as alive) a),
    'agents', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', a.name, 'about', a.about, 'types', a.types, 'host', a.host, 'pid', a.pid, 'started_at', a.started_at, 'seen_at', a.seen_at,
        'age', greatest(0, round(pgjobs.seconds_between(a.seen_at, clock_timestamp()))),
        'holds', a.holds, 'alive', a.alive, 'leaving', a.leaving, 'trouble', a.trouble) order by a.trouble is null, not a.alive, a.name), '[]')
      from (select * from pgjobs.agent_status s order by s.alive desc, s.seen_at desc nulls last limit 200) a),
    'queues', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'queue', q.queue, 'types', q.types, 'replies', q.replies, 'max_backlog', q.max_backlog, 'ready', d.ready, 'consumers', d.consumers,
        'measured_at', d.measured_at, 'age', greatest(0, round(pgjobs.seconds_between(d.measured_at, clock_timestamp()))),
        'trouble', d.trouble) order by d.trouble is null, d.ready desc nulls last, q.queue), '[]')
      from pgjobs.known_queues() q
      left join pgjobs.queue_depths d on d.queue = q.queue),
    'retention', (
      select coalesce(jsonb_agg(jsonb_build_object('what', r.what, 'keep', r.keep::text, 'cleared', r.cleared, 'trouble', r.trouble)
                                order by r.trouble is null, r.what), '[]')
      from pgjobs.retention r),
    'faults', (
      select coalesce(jsonb_agg(jsonb_build_object('kind', f.kind, 'n', f.n, 'last_at', f.last_at, 'meaning', f.meaning) order by f.last_at desc), '[]')
      from (select * from pgjobs.reply_fault_counts c order by c.last_at desc limit 50) f));
$$;
comment on function pgjobs.page_system() is
  'The system for the jobs page: daemons with the shards they run and what they say of the broker (null: not known, for it is not alive), agents, the queues of the types as they were measured last, kill switch, schema, retention with its trouble, and answers that could not be used; as JSON.';
