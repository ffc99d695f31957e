-- Reads: job_counts, xmp_job_types, xmp_jobs, shards, job_status, gauges, and what service_samples reads   Writes: nothing
create or replace function pgjobs.metrics()
returns table (name text, kind text, help text, labels jsonb, value double precision)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select m.name, m.kind, m.help, jsonb_build_object('type', c.type, 'status', c.status), greatest(0, m.value)::double precision
  from (
    -- A counter that is not there before it is 1 would never be seen to grow.
    select t.label as type, s.status, coalesce(sum(k.jobs), 0) as jobs, coalesce(sum(k.entered), 0) as entered
    from pgjobs.shown_types() t
    cross join unnest('{ready,in progress,canceled,done,error}'::text[]) s (status)
    left join (select c.type, c.status, sum(c.jobs) as jobs, sum(c.entered) as entered from pgjobs.job_counts c group by c.type, c.status) k
      on k.type = t.type and k.status = s.status
    group by t.label, s.status
  ) c
  cross join lateral (values
    ('pgjobs_jobs', 'gauge', 'Jobs by type and status.', c.jobs),
    ('pgjobs_transitions_total', 'counter', 'Times a job has come to a status, by type.', c.entered)
  ) m (name, kind, help, value)
  union all
  select m.name, 'gauge', m.help, jsonb_build_object('job_id', s.id::text, 'type', coalesce(t.label, s.type)), m.value
  from pgjobs.shown_jobs() r
  join pgjobs.job_status s on s.id = r.id
  left join pgjobs.shown_types() t on t.type = s.type
  left join pgjobs.stalled_jobs(60) h on h.id = s.id
  cross join lateral (values
    ('pgjobs_job_progress_ratio', 'How much of a running job is done, from 0 to 1.', s.percent::double precision / 100),
    ('pgjobs_job_considered_records', 'Records a running job has considered.', s.considered::double precision),
    ('pgjobs_job_expected_records', 'Records a running job will have considered at its end, as far as that is known.', s.total::double precision),
    ('pgjobs_job_eta_seconds', 'Seconds until a running job is done at its present rate.', pgjobs.seconds_between(statement_timestamp(), s.eta)::double precision),
    ('pgjobs_job_checkpoint_age_seconds', 'Seconds since the last checkpoint of a running job.', pgjobs.seconds_between(s.updated_at, statement_timestamp())::double precision),
    ('pgjobs_job_stalled_seconds', 'Seconds for which a daemon that holds a shard of a running job has finished no window of it; 0 below a minute, and while no daemon holds one.',
      coalesce(pgjobs.seconds_between(h.since, statement_timestamp()), 0)::double precision),
    ('pgjobs_job_left_at_stop_records', 'Records of a running job that will not be through at its stop, by its plan.', pgjobs.left_at_stop(s.id)::double precision)
  ) m (name, help, value)
  where m.value is not null
  union all
  select * from pgjobs.service_samples()
  union all
  select g.name, 'gauge', g.help, '{}', g.value from pgjobs.gauges g where g.value is not null;
$$;
comment on function pgjobs.metrics() is
  'Every sample that /metrics of the web process shows: name, kind (gauge, counter), help, labels, value. Each daemon shows its own measurements itself. Business gauges come from their last refresh, never from a count made here.';
