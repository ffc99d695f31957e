-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, outcomes, events, uncertain_ranges, log_segments, item_counts, holds, switch, switch_holds, daemons   Writes: nothing
create or replace function pgjobs.job_report(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most constant integer := 1000;
  _job public.xmp_jobs;
  _state text;
  _plot jsonb;
  _report jsonb;
begin
  perform pgjobs.need_job(_id);
  select * into _job from public.xmp_jobs j where j.id = _id;
  _state := pgjobs.job_state(_job);
  _plot := pgjobs.page_plot(_id, 200);
  _report := jsonb_build_object(
    'report', 'pgjobs after-action report', 'format', 1, 'made_at', pgjobs.now(),
    -- What can go on is not over.
    'interim', _state not in ('finished', 'cancelled', 'ended_broken'),
    'database', jsonb_build_object('pgjobs', (select s.version from pgjobs.schema_state s), 'postgresql', current_setting('server_version')),
    'job', jsonb_build_object(
      'id', _job.id, 'guid', pgjobs.guid_of(_job.id, _job.guid), 'name', _job.name, 'type', _job.type, 'status', _job.status, 'state', _state,
      'word', (select w.page from pgjobs.state_words(_state) w), 'remark', pgjobs.state_remark(_id, _state), 'why', pgjobs.why(_id),
      'media_type', _job.media_type, 'reference_id', _job.reference_id, 'custom_type', _job.custom_type, 'file_name', nullif(_job.file_name, ''),
      'params', _job.params, 'configuration', _job.configuration, 'notes', _job.notes, 'submitted_by', _job.submitted_by,
      'id_user', _job.id_user, 'task_id', _job.task_id, 'created_at', pgjobs.utc(_job.created_at), 'run_at', pgjobs.utc(_job.run_at),
      'started_at', (select min(p.started_at) from pgjobs.shards p where p.job_id = _id), 'finished_at', pgjobs.utc(_job.finish_at)),
    'settings', (
      select jsonb_build_object(
        'priority', _job.priority, 'shards', _job.shards, 'rate', trim_scale(p.rate), 'type_rate', trim_scale(p.type_rate), 'max_backlog', p.max_backlog, 'stop_at', p.stop_at,
        'schedule', p.schedule, 'budget', p.budget, 'rules', _job.rules, 'dry_run', _plot -> 'dry_run',
        'selector', t.selector, 'exchange', t.exchange, 'routing_key', t.routing_key, 'format', t.format, 'tracked', t.tracked)
      from pgjobs.pace_of(_id) p left join public.xmp_job_types t on t.name = _job.type::text),
    'counts', (
      select jsonb_build_object('considered', coalesce(sum(p.considered), 0), 'sent', coalesce(sum(p.sent), 0), 'skipped', coalesce(sum(p.skipped), 0),
        'returned', coalesce(sum(p.returned), 0), 'checkpoints', coalesce(sum(p.checkpoints), 0))
      from pgjobs.shards p where p.job_id = _id),
    'outcomes', pgjobs.list_outcomes(_id),
    'items', (select to_jsonb(c) - 'job_id' from pgjobs.job_item_counts c where c.job_id = _id),
    'timeline', (
      select coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'from', e.from_status, 'to', e.to_status, 'pause', e.pause, 'reason', e.reason,
        'actor', e.actor, 'role', e.role, 'application', e.application) order by e.at, e.id), '[]')
      from (
        (select v.id, v.at, v.from_status, v.to_status, v.pause, v.reason, v.actor, v.role, v.application
         from pgjobs.events v where v.job_id = _id order by v.job_id desc, v.id desc limit _most)
        union all
        -- What stopped all jobs stopped this one too.
        select null, b.begins, null, null, 'held', 'everything is held: ' || b.reason, null, b.by_whom, null
        from pgjobs.job_bands(_id) b
        where b.kind = 'held' and exists (select from pgjobs.switch_holds h where h.begins <= b.begins and h.reason = b.reason)) e),
    'standstills', (
      select coalesce(jsonb_agg(jsonb_build_object('kind', b.kind, 'from', b.begins, 'to', b.ends,
        'seconds', trim_scale(round(pgjobs.seconds_between(b.begins, b.ends), 3)), 'reason', b.reason, 'by', b.by_whom) order by b.begins), '[]') from pgjobs.job_bands(_id) b),
    'plot', _plot,
    'uncertain', (
      select coalesce(jsonb_agg(jsonb_build_object('shard', u.shard, 'epoch', u.epoch, 'after_key', u.after_key, 'to_key', u.to_key, 'at', u.at)
        order by u.at, u.shard, u.epoch), '[]')
      from (select * from pgjobs.job_uncertain v where v.job_id = _id order by v.at, v.shard limit _most) u),
    'epochs', (
      select coalesce(jsonb_agg(jsonb_build_object('shard', c.shard, 'epoch', c.epoch, 'first_checkpoint_at', c.begins, 'last_checkpoint_at', c.ends,
        'records', c.records) order by c.shard, c.epoch), '[]')
      from (
        select s.shard, s.epoch, min(s.at) as begins, max(s.at) as ends, sum(s.records) as records
        from pgjobs.checkpoint_samples(_id, 3000) s group by s.shard, s.epoch order by s.shard, s.epoch limit _most) c),
    'shards', (
      select coalesce(jsonb_agg(jsonb_build_object('shard', p.shard, 'epoch', p.epoch, 'owner', coalesce(d.name, p.owner::text),
        'considered', p.considered, 'sent', p.sent, 'skipped', p.skipped, 'returned', p.returned, 'checkpoints', p.checkpoints,
        'after_key', p.after_key, 'end_key', p.end_key, 'started_at', p.started_at, 'finished_at', p.finished_at, 'error', p.error) order by p.shard), '[]')
      from pgjobs.shards p left join pgjobs.daemons d on d.id = p.owner
      where p.job_id = _id),
    'verification', (
      select jsonb_build_object('holds', bool_and(c.holds), 'checks', coalesce(jsonb_agg(to_jsonb(c)), '[]')) from pgjobs.report_checks(_id) c)
      || jsonb_build_object('chains', (
        select coalesce(jsonb_agg(jsonb_build_object('shard', p.shard, 'checkpoint', k.number, 'bytes', k.bytes, 'sha256', encode(k.chain, 'hex')) order by p.shard), '[]')
        from pgjobs.shards p
        cross join lateral (
          select c.number, c.bytes, c.chain from pgjobs.checkpoints c where c.job_id = p.job_id and c.shard = p.shard order by c.number desc limit 1) k
        where p.job_id = _id)),
    'log', (
      select coalesce(jsonb_agg(jsonb_build_object('shard', s.shard, 'segment', s.segment, 'host', s.host, 'path', s.path, 'bytes', s.bytes,
        'removed_at', s.removed_at) order by s.shard, s.segment), '[]')
      from pgjobs.log_segments s where s.job_id = _id));
  return _report || jsonb_build_object('sha256', encode(sha256(convert_to(pgjobs.canonical_json(_report), 'UTF8')), 'hex'));
end;
$$;
comment on function pgjobs.job_report(bigint) is
  'All that is known of what a job did, as one JSON object: its row and settings, counts, outcomes, the last 1,000 events, with when everything was held meanwhile, and uncertain ranges, when it stood still, page_plot(), shards and epochs, whether the accounts agree as far as the database knows, and the hash chain of each log: that of the last checkpoint of its shard. interim: the job is not over for good. sha256 is that of the canonical_json() of all the rest, in UTF-8. Refuses (PJ404) when there is no such job.';
