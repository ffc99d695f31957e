-- Reads: xmp_jobs, xmp_job_types, shards, cancellations, switch, tasks, log_segments, item_counts, callbacks, callback_attempts, uncertain_ranges   Writes: nothing
create or replace function pgjobs.page_fields(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  return (
    select jsonb_build_object(
      'id', j.id, 'name', j.name, 'type', j.type::text, 'title', t.title, 'tracked', coalesce(t.tracked, false),
      'status', j.status::text, 'state', s.state, 'word', w.page, 'remark', pgjobs.state_remark(j.id, s.state), 'active', j.active,
      'created_at', pgjobs.utc(j.created_at), 'run_at', pgjobs.utc(j.run_at), 'started_at', p.started_at, 'finish_at', pgjobs.utc(j.finish_at),
      'stop_at', j.stop_at, 'activated_at', j.activated_at, 'deleted_at', j.deleted_at,
      'media_type', j.media_type, 'reference_id', j.reference_id, 'custom_type', j.custom_type,
      'params', j.params, 'configuration', nullif(j.configuration, '{}'),
      'priority', j.priority, 'rate', j.rate, 'max_backlog', j.max_backlog, 'schedule', nullif(j.schedule, '{}'), 'budget', nullif(j.budget, '{}'),
      'rules', nullif(j.rules, '{}'), 'shards', coalesce(p.parts, j.shards), 'file_name', nullif(j.file_name, ''), 'notes', j.notes,
      'submitted_by', j.submitted_by, 'id_user', j.id_user,
      'task', (select jsonb_build_object('id', j.task_id, 'name', nullif(k.name, ''))
               from (select) l left join pgjobs.tasks k on k.id = j.task_id where j.task_id is not null),
      'guid', pgjobs.guid_of(j.id, j.guid), 'idempotency_key', j.idempotency_key,
      'exchange', nullif(t.exchange, ''), 'routing_key', t.routing_key, 'queue', t.queue, 'doors', t.doors,
      -- Its address may hold a password.
      'callback_host', nullif(pgjobs.host_of(j.callback_url), ''), 'notify', j.notify,
      'callbacks', c.callbacks, 'log', g.files, 'uncertain', u.ranges)
    from public.xmp_jobs j
    left join public.xmp_job_types t on t.name = j.type::text
    cross join lateral (select pgjobs.job_state(j) as state) s
    cross join lateral pgjobs.state_words(s.state) w
    cross join lateral (select min(h.started_at) as started_at, max(h.parts) as parts from pgjobs.shards h where h.job_id = j.id) p
    cross join lateral (
      select jsonb_agg(jsonb_build_object('id', n.id, 'status', n.status, 'created_at', n.created_at, 'due_at', n.due_at, 'attempts', n.attempts,
               'closed_at', n.closed_at, 'answer', n.answer, 'items', cardinality(n.keys), 'last', a.last) order by n.id desc) as callbacks
      from (select m.* from (select * from pgjobs.callbacks b where b.job_id = _id offset 0) m order by m.id desc limit 5) n
      left join lateral (
        select coalesce(b.http_status::text, b.error) as last from pgjobs.callback_attempts b where b.callback_id = n.id order by b.attempt desc limit 1) a on true
    ) c
    cross join lateral (
      select jsonb_agg(jsonb_build_object('shard', f.shard, 'host', f.host, 'path', f.path, 'bytes', f.bytes) order by f.shard, f.segment) as files
      from (select * from pgjobs.job_logs l where l.job_id = _id order by l.shard, l.segment limit 20) f) g
    cross join lateral (
      select jsonb_agg(jsonb_build_object('shard', f.shard, 'after_key', f.after_key, 'to_key', f.to_key, 'at', f.at) order by f.at desc) as ranges
      from (select * from pgjobs.job_uncertain v where v.job_id = _id order by v.at desc limit 20) f) u
    where j.id = _id);
end;
$$;
comment on function pgjobs.page_fields(bigint) is
  'The fields of a job as the jobs page shows them: word is its status there; of callbacks the last five, of the files of its log and of its uncertain ranges the first twenty. Null when there is no such job.';
