-- Reads: xmp_jobs, xmp_job_types, daemons   Writes: xmp_jobs (status of a job that is due), shards, uncertain_ranges, daemons
create or replace function pgjobs.claim_shards(
  _daemon uuid, _running text[], _autostart boolean, _lease interval, _places integer default 1, _broker text default null)
returns table (
  job_id bigint, shard integer, epoch bigint, type text, exchange text, routing_key text, needs_file boolean,
  file_name text, descending boolean, dry_run boolean, prepared boolean, uncertain_to bigint, log_bytes bigint,
  tracked boolean, reply_queue text, needs_replies boolean, format text, format_options jsonb, keep_refused boolean, stop_at text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _began timestamptz := clock_timestamp();
  _now timestamptz;
  _helpers bigint;
  _priorities smallint[];
  _firsts timestamptz[];
  _aged boolean;
  _at integer;
  _priority smallint;
  _first timestamptz;
  _level integer;
  _passed bigint[] := '{}';
  _taken integer := 0;
  _job bigint;
  _number integer;
  _since timestamptz;
  _status text;
  _due boolean;
  _sqlstate text;
  _message text;
begin
  update pgjobs.daemons w set broker = _broker, broker_at = _began where w.id = _daemon and w.broker <> _broker;
  perform pgjobs.free_lost_shards(_daemon, _running);
  perform pgjobs.end_exhausted_jobs();
  if exists (select from pgjobs.switch s where s.held) then
    return;
  end if;
  -- What a daemon without a broker takes would only wait.
  if exists (select from pgjobs.live_daemons() w where w.id = _daemon and not w.has_broker)
     and exists (select from pgjobs.live_daemons() w where w.id <> _daemon and w.has_broker) then
    return;
  end if;
  _helpers := (select count(*) from pgjobs.live_daemons() w where w.id <> _daemon and w.has_broker and w.has_place);
  select array_agg(f.priority), array_agg(f.due_at) into _priorities, _firsts from pgjobs.first_due(_autostart) f;
  _aged := exists (select from pgjobs.shards h where h.owner = _daemon and h.claimed_priority is not null);

  -- Jobs whose start is refused are passed over; the bounds keep one call short.
  for _attempt in 1 .. _places + 100 loop
    exit when _taken = _places or clock_timestamp() > _began + interval '5 seconds';
    _now := pgjobs.now();
    -- While something that has aged has a place here, urgent ones come first of those that have reached the same level.
    select l.n, l.priority, l.due_at into _at, _priority, _first
    from unnest(_priorities, _firsts) with ordinality l (priority, due_at, n)
    where l.due_at <= _now
    order by pgjobs.aged_priority(l.priority, l.due_at, _now) desc, case when _aged then l.priority end desc, l.due_at, l.priority desc
    limit 1;
    exit when not found;
    if _autostart then
      select p.job_id, p.shard, p.due_at into _job, _number, _since
      from pgjobs.shards p
      where p.owner is null and p.finished_at is null and p.priority = _priority and p.due_at between _first and _now
        and p.job_id <> all (_passed) and pgjobs.may_take(p.job_id, p.shard, _daemon, _running, _helpers)
      order by p.due_at, p.job_id, p.shard
      limit 1
      for update of p skip locked;
    else
      select p.job_id, p.shard, p.due_at into _job, _number, _since
      from pgjobs.shards p
      where p.owner is null and p.finished_at is null and p.asked and p.priority = _priority and p.due_at between _first and _now
        and p.job_id <> all (_passed) and pgjobs.may_take(p.job_id, p.shard, _daemon, _running, _helpers)
      order by p.due_at, p.job_id, p.shard
      limit 1
      for update of p skip locked;
    end if;
    -- Null: nothing of this priority is left for this call.
    _firsts[_at] := _since;
    continue when _since is null;
    _level := pgjobs.aged_priority(_priority, _since, _now);
    -- Where those before it are not to be had, one of another priority may come first.
    continue when _since > _first and exists (
      select from unnest(_priorities, _firsts) l (priority, due_at)
      where l.due_at <= _now
        and (pgjobs.aged_priority(l.priority, l.due_at, _now), case when _aged then l.priority else 0 end, _since, l.priority)
            > (_level, case when _aged then _priority else 0 end, l.due_at, _priority));

    _status := (select j.status::text from public.xmp_jobs j where j.id = _job);
    if _status = 'ready' then
      select j.active and j.run_at <= _now into _due
      from public.xmp_jobs j where j.id = _job and j.status = 'ready' for update skip locked;
      if not found then
        -- Somebody is changing it just now.
        _passed := _passed || _job;
        continue;
      end if;
    else
      _due := coalesce(_status = 'in progress'
        and (select j.active or pgjobs.pause_reason(_job) is null from public.xmp_jobs j where j.id = _job), false);
    end if;
    if not _due then
      -- The job was changed while its triggers were off, or stopped while the shard was given up.
      perform pgjobs.schedule_shards(_job, j.status::text, j.active, j.run_at::timestamptz, j.priority::smallint, j.start_asked)
      from (select) one left join public.xmp_jobs j on j.id = _job;
      continue;
    end if;

    -- Whatever refuses this one job, a trigger or a CHECK of the database's own, keeps none of the others from starting.
    begin
      if _status = 'ready' then
        continue when pgjobs.handle_misfire(_job);
        perform pgjobs.begin_job(_job);
      end if;
      return query select * from pgjobs.take_shard(_job, _number, _daemon, clock_timestamp() + _lease, _level);
    exception when others or assert_failure or query_canceled then
      get stacked diagnostics _sqlstate = returned_sqlstate, _message = message_text;
      perform pgjobs.break_off_or_postpone(_job, _number, _sqlstate, _message);
      -- Whoever cancelled it takes nothing any more.
      exit when _sqlstate = '57014';
      continue;
    end;
    _taken := _taken + 1;
    _aged := _aged or _level > _priority;
    if exists (select from pgjobs.shards p where p.job_id = _job and p.shard <> _number) then
      perform pgjobs.pass_turn(_job);
    end if;
  end loop;
  update pgjobs.daemons w set has_place = _taken < _places, autostart = _autostart
  where w.id = _daemon and (w.has_place, w.autostart) is distinct from (_taken < _places, _autostart);
end;
$$;
comment on function pgjobs.claim_shards(uuid, text[], boolean, interval, integer, text) is
  'Takes up to so many shards as places are free: those that are due, by priority with a level more for each minute of waiting (10 at most), then by due time; of equal ones the more urgent first while the daemon runs a shard that got its place by waiting; frees those whose lease has run out before. A job whose start is refused, by whatever trigger or rule, breaks off or is set aside, and the next one is taken. Of the shards of one job a daemon holds no more than its fair share while others could help, and none while its own broker is away and another daemon''s is not. No row: nothing to do now.';
