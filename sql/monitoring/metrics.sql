-- Reads: job_counts, xmp_jobs, shards, job_status, daemon_counters, daemons, gauges, callbacks, reply_faults, item_counts, item_totals, open_totals   Writes: nothing
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
    select k.type, k.status, sum(k.jobs) as jobs, sum(k.entered) as entered
    from pgjobs.job_counts k
    where exists (select from public.xmp_job_types t where t.name::text = k.type)
    group by k.type, k.status
  ) c
  cross join lateral (values
    ('pgjobs_jobs', 'gauge', 'Jobs by type and status.', c.jobs),
    ('pgjobs_transitions_total', 'counter', 'Times a job has come to a status, by type.', c.entered)
  ) m (name, kind, help, value)
  union all
  select m.name, 'gauge', m.help, jsonb_build_object('job_id', s.id::text, 'type', s.type), m.value
  from (
    (select j.id from public.xmp_jobs j
     where (j.status, j.id) > ('in progress', -9223372036854775808) and j.status <= 'in progress'
     order by j.status, j.id limit 50)
    union
    (select j.id from public.xmp_jobs j
     where (j.status, j.id) < ('in progress', 9223372036854775807) and j.status >= 'in progress'
     order by j.status desc, j.id desc limit 50)
  ) r
  join pgjobs.job_status s on s.id = r.id
  cross join lateral (values
    ('pgjobs_job_percent', 'How much of a running job is done, in percent.', s.percent::double precision),
    ('pgjobs_job_considered', 'Records a running job has considered.', s.considered::double precision),
    ('pgjobs_job_eta_seconds', 'Seconds until a running job is done at its present rate.', pgjobs.seconds_between(statement_timestamp(), s.eta)::double precision),
    ('pgjobs_job_checkpoint_age_seconds', 'Seconds since the last checkpoint of a running job.', pgjobs.seconds_between(s.updated_at, statement_timestamp())::double precision)
  ) m (name, help, value)
  where m.value is not null
  union all
  select 'pgjobs_daemon_heartbeat_age_seconds', 'gauge', 'Seconds since a daemon was last heard of.',
         jsonb_build_object('daemon', w.name), min(pgjobs.seconds_between(w.seen_at, statement_timestamp()))::double precision
  from pgjobs.daemons w
  group by w.name
  union all
  select c.name, c.kind, c.help, c.labels || jsonb_build_object('daemon', c.daemon), c.value
  from pgjobs.daemon_counters c
  where not c.labels ? 'type' or exists (select from public.xmp_job_types t where t.name::text = c.labels ->> 'type')
  union all
  -- Processes that share a name are one daemon here.
  select g.name, 'gauge', max(g.help), g.labels,
         case g.name when 'pgjobs_running_shards' then sum(g.value) when 'pgjobs_listening' then min(g.value) else max(g.value) end
  from (
    select x ->> 'name' as name, x ->> 'help' as help, coalesce(x -> 'labels', '{}') || jsonb_build_object('daemon', w.name) as labels,
           least(greatest((x ->> 'value')::numeric, -1e300), 1e300)::double precision as value
    from pgjobs.live_daemons() w
    cross join lateral jsonb_array_elements(case jsonb_typeof(w.metrics) when 'array' then w.metrics else '[]' end) x
    where x ? 'name' and jsonb_typeof(x -> 'value') = 'number'
  ) g
  group by g.name, g.labels
  union all
  select 'pgjobs_callbacks_open', 'gauge', 'Callbacks that are still to be delivered; 10000 means so many or more.', '{}', count(*)::double precision
  from (select from pgjobs.callbacks n where n.closed_at is null and n.created_at >= pgjobs.oldest_callback() limit 10000) c
  union all
  select 'pgjobs_mailing_messages', 'gauge', 'Messages of all mailings by status.', jsonb_build_object('status', s), coalesce(d.count, 0)::double precision
  from unnest('{FAILED,Pending,SENT,TIMEOUT}'::text[]) s
  left join json_to_recordset(pgjobs.message_data()) d (status text, count bigint) on d.status = s
  union all
  select 'pgjobs_reply_faults_total', 'counter', 'Messages on reply queues that could not be used.', jsonb_build_object('kind', f.kind), f.n::double precision
  from pgjobs.reply_faults f
  union all
  select g.name, 'gauge', g.help, '{}', g.value from pgjobs.gauges g where g.value is not null;
$$;
comment on function pgjobs.metrics() is
  'Every sample that /metrics shows: name, kind (gauge, counter, histogram), help, labels, value. Counters of a daemon go on after its death and after a restart; its gauges are shown while its heart beats. Business gauges come from their last refresh, never from a count made here.';
