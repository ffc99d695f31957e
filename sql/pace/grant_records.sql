-- Reads: xmp_jobs, xmp_job_types, outcomes, holds, switch, holidays   Writes: shards (granted, note), paces, holds, events, xmp_jobs (active)
create or replace function pgjobs.grant_records(
  _job_id bigint, _shard integer, _epoch bigint, _wanted integer, _depth bigint default null, _seen bigint default null)
returns table (verdict text, pause interval, reason text, at_most integer, delay interval, valid interval, queue text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _now timestamptz := pgjobs.now();
  _pace record;
  _zone text;
  _others bigint;
  _ask_again interval := '0.1 s';
  _due_in interval;
  _full text;
begin
  select o.verdict, o.pause, o.reason into verdict, pause, reason from pgjobs.orders(_job_id) o;
  select * into _pace from pgjobs.pace_of(_job_id);
  if verdict = 'go' and (num_nonnulls(_pace.rate, _pace.type_rate, _pace.max_backlog) > 0 or _pace.budget ? 'canary' or _pace.schedule ? 'scattering') then
    -- Before the lock of the shard: a hold, and an edit of the rate, may wait for all shards of the job.
    perform pgjobs.take_turn(_job_id, case when _pace.type_rate is not null or _pace.max_backlog is not null and _pace.shared_backlog then _pace.type end);
  end if;
  select p.zone into _zone from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  for no key update;
  if not found then
    return;
  end if;
  at_most := 0;
  if verdict = 'go' then
    if _pace.stop_at <= _now then
      verdict := 'close';
    else
      select w.pause, w.reason, w.valid into pause, reason, valid from pgjobs.wait_for_window(_pace.schedule, _pace.stop_at, _now, _zone) w;
      verdict := case when pause is not null then 'wait' else 'go' end;
    end if;
  end if;
  if verdict <> 'go' then
    return next;
    return;
  end if;

  at_most := _wanted;
  _others := (
    select coalesce(sum(p.granted), 0) from pgjobs.shards p
    where p.job_id = _job_id and p.shard <> _shard and p.owner is not null);
  if _pace.budget <> '{}' then
    select b.reason, least(at_most, b.room) into reason, at_most from pgjobs.spend_budget(_job_id, _pace.budget, _others) b;
    if reason is not null then
      verdict := 'wait';
      at_most := 0;
    end if;
  end if;
  if verdict = 'go' and at_most > 0 and _pace.schedule ? 'scattering' then
    select least(at_most, s.room), s.due_in into at_most, _due_in
    from pgjobs.scatter_room(_job_id, _shard, _pace.schedule, _pace.stop_at, _now) s;
    if _due_in > interval '1 s' then
      verdict := 'wait';
      pause := _due_in;
      reason := 'its scattering lets the next record go at ' || pgjobs.moment_text(_now + _due_in);
    end if;
    _ask_again := coalesce(_due_in, _ask_again);
  end if;
  if _pace.max_backlog is not null then
    queue := _pace.queue;
  end if;
  if verdict = 'go' and at_most > 0 and queue is not null and _depth is null then
    at_most := 0;
    _ask_again := interval '0';
  elsif verdict = 'go' and at_most > 0 and queue is not null then
    at_most := least(at_most, pgjobs.backlog_room(_job_id, _shard, _pace.max_backlog, _pace.shared_backlog, _depth, _seen, at_most));
    if at_most = 0 then
      _full := format('%s ready in its queue, and its max_backlog is %s: it goes on when consumers have made room',
        pgjobs.counted(_depth, 'message lies', 'messages lie'), _pace.max_backlog);
    end if;
    if at_most = 0 and not exists (
      select from pgjobs.shards p
      where p.job_id = _job_id and p.shard = _shard and greatest(p.claimed_at, p.updated_at) > clock_timestamp() - interval '2 s') then
      verdict := 'wait';
      pause := interval '1 s';
      reason := _full;
    end if;
  end if;
  if verdict = 'go' and at_most > 0 then
    select r.at_most, r.delay into at_most, delay from pgjobs.spend_rate(_job_id, _pace.type, _pace.rate, _pace.type_rate, at_most) r;
    if delay > interval '1 s' then
      verdict := 'wait';
      pause := least(delay + pgjobs.turn_delay(_job_id, _pace.type_rate), _pace.stop_at - _now);
      reason := 'its rate allows the next record later';
      at_most := 0;
    end if;
  end if;
  if verdict = 'go' and at_most = 0 then
    delay := coalesce(delay, _ask_again);
  end if;
  update pgjobs.shards p set granted = at_most, note = coalesce(_full, p.note) where p.job_id = _job_id and p.shard = _shard;
  return next;
end;
$$;
comment on function pgjobs.grant_records(bigint, integer, bigint, integer, bigint, bigint) is
  'What a run whose pace is limited asks before it publishes: go (at most so many records, not before the delay is over, not after valid has passed; none: ask again after the delay), wait (be parked), stop, or close (publish nothing more and account for the rest as timed_out). Queue: where its max_backlog limits it, the queue whose length (_depth: messages that lie ready) has to be told with the next question, and published_so_far() of the moment before it was measured (_seen). No row: fenced out.';
