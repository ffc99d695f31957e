-- Reads: nothing   Writes: nothing
create or replace function pgjobs.alert_rules()
returns table (name text, severity text, what_to_do text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  values
    ('PgjobsNoDaemon', 'critical',
     'No job runs. Start a daemon: pgjobs daemon. The log of the last one says why it has ended.'),
    ('PgjobsDaemonSilent', 'warning',
     'Look at its host and at its log. If another daemon lives, it takes its shards over; if none does, start one: pgjobs daemon. What was in flight is sent again and marked.'),
    ('PgjobsBrokerBlocked', 'critical',
     'Free memory or disk of the broker: rabbitmqctl status shows its alarm. Nothing is lost, and jobs go on when it ends.'),
    ('PgjobsBrokerUnreachable', 'critical',
     'Look whether RabbitMQ runs, and whether PGJOBS_AMQP_URL is right. Jobs wait and go on by themselves.'),
    ('PgjobsListenDown', 'warning',
     'Jobs are found by polling alone. Look at the log of the daemon; a pooler in between loses notifications: give PGJOBS_DATABASE_URL the server itself.'),
    ('PgjobsMessagesRejected', 'warning',
     'The broker gives messages back (no queue takes them) or refuses them (a full queue). Look at the routes and the lengths of the queues: pgjobs doctor checks them.'),
    ('PgjobsThroughputLow', 'warning',
     'Look whether jobs wait for their pace (pgjobs jobs says so), and at the load of RabbitMQ and PostgreSQL: pgjobs_confirm_seconds tells which.'),
    ('PgjobsShardsFenced', 'warning',
     'A daemon was too slow to renew its leases, and others took its shards over. Look at the load of its host, or raise PGJOBS_LEASE_SECONDS.'),
    ('PgjobsLogVolumeFull', 'critical',
     'Make room in PGJOBS_LOG_DIR, or let old logs go: select pgjobs.set_retention(''logs'', ''90 days''). A full volume stops all jobs of the host.'),
    ('PgjobsOldSnapshot', 'warning',
     'VACUUM removes nothing meanwhile. Find the session in pg_stat_activity by its application_name; a selector that takes so long for one window needs an index.'),
    ('PgjobsJobStalled', 'warning',
     'pgjobs why JOB says what it waits for: records, confirms or a locked row.'),
    ('PgjobsJobsWaiting', 'warning',
     'No daemon lives, or none has a free place: start one (pgjobs daemon), or raise PGJOBS_MAX_RUNNING. pgjobs jobs says of each why it waits.'),
    ('PgjobsEtaPastStop', 'warning',
     'What is left at the stop is closed and not sent. Give the job a higher rate, wider windows or a later stop_at; pgjobs plan JOB shows when it is through.'),
    ('PgjobsJobBroken', 'warning',
     'pgjobs why JOB says what is wrong: mend that, then pgjobs resume JOB. It goes on after its last confirmed record.'),
    ('PgjobsRetentionBehind', 'warning',
     'Look at the column trouble of pgjobs.retention, and whether a daemon does the chores: its log says which chore failed.');
$$;
comment on function pgjobs.alert_rules() is
  'The alerts of pgjobs.alerts: name, severity (critical: jobs do not run; warning: look at it by day), and what to do. The rules for Prometheus have the same names, severities and texts.';
