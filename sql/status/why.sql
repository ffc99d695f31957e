-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, daemons, holds, switch, holidays, item_counts, cancellations   Writes: nothing
create or replace function pgjobs.why(_id bigint)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _now timestamptz := clock_timestamp();
  _job public.xmp_jobs;
  _shard pgjobs.shards;
  _held boolean;
  _moved timestamptz;
  _alive boolean;
  _ended boolean;
  _parked text;
  _level integer;
  _behind constant text := 'it waits for its turn: jobs of a higher priority are due; its own is %s, it gains a level each minute, and is at %s now';
  _closes constant text := 'its stop has come: what is left is closed as soon as a daemon has a free place';
  _resume constant text := format('"pgjobs resume %s"', _id);
  _activate constant text := format('run %s, or set active = true in SQL', _resume);
  _stranded constant text := format('none of its shards is due, so no daemon takes it: run "pgjobs stop %s", then %s', _id, _resume);
  _cleared constant text := 'it can''t go on, for its lines, items or log were cleared after their keep time: create a new job';
  _no_daemon constant text := 'no daemon is alive: start one with "pgjobs daemon"';
begin
  select * into _job from public.xmp_jobs j where j.id = _id;
  if not found then
    return null;
  end if;
  if _job.status::text = 'done' then
    return 'it is done';
  end if;
  select * into _shard from pgjobs.shards p where p.job_id = _id
  -- What waits before what runs; of it what has a reason, trouble before a wait; and of those the one that goes on first.
  order by p.finished_at nulls first, p.round_over, p.owner nulls first, p.failures = 0, p.note is null, p.due_at, p.shard
  limit 1;
  if _job.status::text in ('error', 'canceled') then
    _ended := exists (select from pgjobs.shards p where p.job_id = _id and p.cleared && '{lines,items,logs}');
  end if;
  if _job.status::text = 'error' then
    return coalesce('it broke off: ' || coalesce(_shard.error,
        (select e.reason from pgjobs.events e where e.job_id = _id and e.to_status = 'error' order by e.id desc limit 1))
        || case when _ended then '; ' || _cleared else '; mend that, then run ' || _resume end,
      'it was set to error by hand; ' || case when _ended then _cleared else 'to continue it, run ' || _resume end);
  end if;
  _held := coalesce(_shard.owner is not null and _shard.lease_until > _now, false);
  if _job.status::text = 'canceled' then
    return coalesce(pgjobs.late_stop(_id),
      case when exists (select from pgjobs.cancellations c where c.job_id = _id) then 'it is cancelled for good'
           when _held then 'stop asked: the daemon confirms and logs what is in flight'
           when _ended then 'it is stopped; ' || _cleared
           else 'it is stopped; to continue it, run ' || _resume end);
  end if;
  if _job.status::text = 'ready' and _shard.expand then
    return case when not exists (select from pgjobs.live_daemons()) then _no_daemon
                when not _job.active then 'its items are just being written; and it is not active: ' || _activate
                else 'its items are just being written' end;
  end if;
  if _job.status::text = 'ready' and not _job.active then
    return coalesce(nullif(pgjobs.pause_reason(_id), 'it is paused: ' || _activate), 'it is not active: ' || _activate);
  end if;
  -- What is paused stays so when the kill switch is off again.
  if not _job.active and not _held and pgjobs.pause_reason(_id) is not null then
    return pgjobs.paused_reason(_id);
  end if;
  if pgjobs.held_reason() is not null and not _held then
    return pgjobs.held_reason();
  end if;
  _alive := exists (select from pgjobs.live_daemons());
  if not _held then
    _level := pgjobs.aged_priority(_shard.priority, _shard.due_at, pgjobs.now());
    _parked := pgjobs.parked_reason(_shard);
  end if;
  if _job.status::text = 'ready' then
    return case
      when pgjobs.utc(_job.run_at) > pgjobs.now() then 'it waits for its run_at ' || pgjobs.moment_text(pgjobs.utc(_job.run_at))
        || coalesce((
          select ', and then ' || w.reason
          from pgjobs.pace_of(_id) p
          cross join pgjobs.wait_for_window(p.schedule, p.stop_at, pgjobs.utc(_job.run_at)) w
          where w.reason is not null and not _job.params ? 'dry_run' and not coalesce(p.schedule -> 'local_time' = 'true', false)), '')
      when _held then 'the daemon that held it last is just letting go'
      when pgjobs.is_stranded(_id) then _stranded
      when not _alive then _no_daemon
      when _parked is not null then _parked
      when pgjobs.is_behind(_level) then format(_behind, _job.priority, _level)
      else 'it is due: the next daemon with a free place takes it (see PGJOBS_MAX_RUNNING)'
        || case when _job.start_asked then '' else format('; where autostart is off, run "pgjobs start %s"', _id) end
    end;
  end if;
  _moved := greatest(
    (select max(c.at) from pgjobs.shards p
     cross join lateral (select k.at from pgjobs.checkpoints k where k.job_id = p.job_id and k.shard = p.shard order by k.number desc limit 1) c
     where p.job_id = _id),
    -- After a long wait it has only just begun.
    (select max(p.claimed_at) from pgjobs.shards p where p.job_id = _id and p.owner is not null),
    (select max(e.at) from pgjobs.events e where e.job_id = _id and e.to_status = 'in progress'));
  return case
    when _shard.job_id is null then 'it was in progress before this service took over: set it to canceled or error in SQL, then run ' || _resume
    -- Finished shards sort last: none is open, and the engine would have made the job done.
    when _shard.finished_at is not null then 'all of it is finished, but a trigger, a rule or a row security policy suppressed the change to done: mend that, set it to error in SQL, then run ' || _resume
    when _shard.owner is null and pgjobs.is_stranded(_id) then _stranded
    -- One shard waits for its turn while others of the job run: the job moves.
    when _shard.owner is null and (_shard.note is null or _shard.failures = 0) and _moved > _now - interval '10 s'
      and exists (select from pgjobs.shards p join pgjobs.live_daemons() w on w.id = p.owner
                  where p.job_id = _id and p.lease_until > _now and p.note is null) then null
    when _held and not exists (select from pgjobs.live_daemons() w where w.id = _shard.owner) then
      case when _alive then 'its daemon has fallen silent: another one takes over at '
           else 'its daemon has fallen silent, and no other is alive: start one with "pgjobs daemon"; it takes over at ' end
      || pgjobs.moment_text(_shard.lease_until)
    when _held and _shard.note is not null then _shard.note
    when _held and _moved > _now - interval '10 s' then null
    when _held and _shard.prepared_at is null then 'its daemon reads its file, or looks where its selection begins and ends'
    when _held then format('no window of it was finished for %s s: its daemon waits for records, for confirms or for a locked row',
      coalesce(round(pgjobs.seconds_between(_moved, _now))::text, 'many'))
    when _shard.owner is not null and _alive then 'its daemon has fallen silent: another one takes over now'
    when not _alive then _no_daemon
    when (select p.stop_at from pgjobs.pace_of(_id) p) <= pgjobs.now() then _closes
    when _parked is not null then _parked
    when pgjobs.is_behind(_level) then format(_behind, _job.priority, _level)
    else 'it waits for a free place in a daemon (see PGJOBS_MAX_RUNNING)'
  end;
end;
$$;
comment on function pgjobs.why(bigint) is
  'Says in words why a job is not moving, and what to do where something can be done; null while it runs or when there is no such job.';
