-- Reads: daemons, switch, shards, retention, callbacks, reply_faults, item_counts, item_totals, open_totals, and what retention_lag reads   Writes: nothing
create or replace function pgjobs.service_samples()
returns table (name text, kind text, help text, labels jsonb, value double precision)
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select 'pgjobs_daemons', 'gauge', 'Daemons that are alive.', '{}'::jsonb, count(*)::double precision from pgjobs.live_daemons()
  union all
  select 'pgjobs_daemon_heartbeat_age_seconds', 'gauge', 'Seconds since a daemon was last heard of.', jsonb_build_object('daemon', w.name),
    greatest(0, pgjobs.seconds_between(w.seen_at, statement_timestamp()))::double precision
  from (select d.name, max(d.seen_at) as seen_at from pgjobs.daemons d group by d.name order by 2 desc limit 100) w
  union all
  select 'pgjobs_held', 'gauge', '1 while the kill switch holds all jobs.', '{}', s.held::integer from pgjobs.switch s
  union all
  select 'pgjobs_oldest_due_job_age_seconds', 'gauge', 'Seconds for which the job that has waited longest has been due; 0 where none is.', '{}',
    greatest(0, coalesce(pgjobs.seconds_between(pgjobs.oldest_due(), pgjobs.now()), 0))::double precision
  union all
  select 'pgjobs_stuck_jobs', 'gauge', 'Jobs of which no window was finished for five minutes, although a daemon holds them.', '{}',
    count(*)::double precision
  from pgjobs.stalled_jobs(300)
  union all
  select 'pgjobs_retention_lag_seconds', 'gauge', 'Seconds since the oldest of what is to be cleared should have gone.',
    jsonb_build_object('what', l.what), l.seconds
  from pgjobs.retention_lag() l
  union all
  select 'pgjobs_callbacks_open', 'gauge', 'Callbacks that are still to be delivered; 10000 means so many or more.', '{}', count(*)::double precision
  from (select from pgjobs.callbacks n where n.closed_at is null and n.created_at >= pgjobs.oldest_callback() limit 10000) c
  union all
  select 'pgjobs_mailing_messages', 'gauge', 'Messages of all mailings by status.', jsonb_build_object('status', s), coalesce(d.count, 0)::double precision
  from unnest('{FAILED,Pending,SENT,TIMEOUT}'::text[]) s
  left join json_to_recordset(pgjobs.message_data()) d (status text, count bigint) on d.status = s
  union all
  select 'pgjobs_reply_faults_total', 'counter', 'Messages on reply queues that could not be used.', jsonb_build_object('kind', f.kind), f.n::double precision
  from pgjobs.reply_faults f;
$$;
comment on function pgjobs.service_samples() is
  'The samples of pgjobs.metrics() that are about the service as a whole.';
