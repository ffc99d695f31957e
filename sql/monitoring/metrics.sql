-- Reads: xmp_jobs, shards, job_status, daemons, gauges, callbacks   Writes: nothing
create or replace function pgjobs.metrics()
returns table (name text, kind text, help text, labels jsonb, value double precision)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select 'pgjobs_jobs', 'gauge', 'Jobs by type and status; of those that ended, the ones of the last day.',
         jsonb_build_object('type', j.type, 'status', j.status), count(*)::double precision
  from (
    select o.type, o.status from public.xmp_jobs o where o.status in ('ready', 'in progress')
    union all
    select e.type, e.status from public.xmp_jobs e
    where e.status not in ('ready', 'in progress') and e.finish_at > (select pgjobs.now()) - interval '1 day'
  ) j
  group by j.type, j.status
  union all
  select m.name, 'gauge', m.help, jsonb_build_object('job_id', s.id::text, 'type', s.type), m.value
  from pgjobs.job_status s
  cross join lateral (values
    ('pgjobs_job_percent', 'How much of a running job is done, in percent.', s.percent::double precision),
    ('pgjobs_job_considered', 'Records a running job has considered.', s.considered::double precision),
    ('pgjobs_job_eta_seconds', 'Seconds until a running job is done at its present rate.', pgjobs.seconds_between(statement_timestamp(), s.eta)::double precision),
    ('pgjobs_job_checkpoint_age_seconds', 'Seconds since the last checkpoint of a running job.', pgjobs.seconds_between(s.updated_at, statement_timestamp())::double precision)
  ) m (name, help, value)
  where s.status = 'in progress' and m.value is not null
  union all
  select 'pgjobs_daemon_heartbeat_age_seconds', 'gauge', 'Seconds since a daemon was last heard of.',
         jsonb_build_object('daemon', w.name), min(pgjobs.seconds_between(w.seen_at, statement_timestamp()))::double precision
  from pgjobs.daemons w
  group by w.name
  union all
  select x ->> 'name', x ->> 'kind', x ->> 'help',
         coalesce(x -> 'labels', '{}') || jsonb_build_object('daemon', w.name, 'process', w.host || ':' || w.pid),
         least(greatest((x ->> 'value')::numeric, -1e300), 1e300)::double precision
  from (
    select distinct on (l.name, l.host, l.pid) l.name, l.host, l.pid, l.metrics
    from pgjobs.daemons l
    where l.seen_at > statement_timestamp() - interval '30 seconds'
    order by l.name, l.host, l.pid, l.started_at desc
  ) w
  cross join lateral jsonb_array_elements(case jsonb_typeof(w.metrics) when 'array' then w.metrics else '[]' end) x
  where x ? 'name' and jsonb_typeof(x -> 'value') = 'number'
  union all
  select 'pgjobs_callbacks_open', 'gauge', 'Callbacks about ended jobs that are still to be delivered.', '{}', count(*)::double precision
  from pgjobs.callbacks n where n.closed_at is null and n.created_at >= pgjobs.oldest_callback()
  union all
  select g.name, 'gauge', g.help, '{}', g.value from pgjobs.gauges g where g.value is not null;
$$;
comment on function pgjobs.metrics() is
  'Every sample that /metrics shows: name, kind (gauge, counter, histogram), help, labels, value. Those of a daemon are shown while its heart beats, per process: added up, they would jump when one is restarted. Business gauges come from their last refresh, never from a count made here.';
