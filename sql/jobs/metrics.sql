-- Reads: xmp_jobs, progress, job_status, workers, gauges, notifications   Writes: nothing
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
  from public.xmp_jobs j
  where j.status in ('ready', 'in progress') or j.finish_at > pgjobs.now() - interval '1 day'
  group by j.type, j.status
  union all
  select m.name, 'gauge', m.help, jsonb_build_object('job', s.id::text, 'type', s.type), m.value
  from public.xmp_jobs j
  join pgjobs.job_status s on s.id = j.id
  cross join lateral (values
    ('pgjobs_job_percent', 'How much of a running job is done, in percent.', s.percent::double precision),
    ('pgjobs_job_considered', 'Records a running job has considered.', s.considered::double precision),
    ('pgjobs_job_eta_seconds', 'Seconds until a running job is done at its present rate.', extract(epoch from s.eta - clock_timestamp())::double precision),
    ('pgjobs_job_checkpoint_age_seconds', 'Seconds since the last checkpoint of a running job.', extract(epoch from clock_timestamp() - s.updated_at)::double precision)
  ) m (name, help, value)
  where j.status = 'in progress' and m.value is not null
  union all
  select 'pgjobs_daemon_heartbeat_age_seconds', 'gauge', 'Seconds since a daemon was last heard of.',
         jsonb_build_object('daemon', w.name), min(extract(epoch from clock_timestamp() - w.seen_at))::double precision
  from pgjobs.workers w
  group by w.name
  union all
  select x ->> 'name', x ->> 'kind', x ->> 'help', (x -> 'labels') || jsonb_build_object('daemon', w.name), sum((x ->> 'value')::double precision)
  from pgjobs.workers w, jsonb_array_elements(w.metrics) x
  group by 1, 2, 3, 4
  union all
  select 'pgjobs_notifications_open', 'gauge', 'Notifications the CMS has not yet taken.', '{}', count(*)::double precision
  from pgjobs.notifications n where n.closed_at is null
  union all
  select g.name, 'gauge', g.help, '{}', g.value from pgjobs.gauges g where g.value is not null;
$$;
comment on function pgjobs.metrics() is
  'Every sample that /metrics shows: name, kind (gauge, counter, histogram), help, labels, value. Business gauges come from their last refresh, never from a count made here.';
