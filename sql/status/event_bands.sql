-- Reads: events, holds   Writes: nothing
create or replace function pgjobs.event_bands(_job_id bigint)
returns table (kind text, begins timestamptz, ends timestamptz, reason text, by_whom text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _event record;
  _status text;
  _pause text;
  _begun boolean := false;
  _next text;
  _since timestamptz;
begin
  for _event in
    select e.at, e.to_status, e.pause, e.reason, e.by_whom
    from (
      select e.id, e.at, replace(e.to_status, 'cancelled', 'canceled') as to_status, e.pause, e.reason, coalesce(e.actor, e.role) as by_whom
      from pgjobs.events e
      where e.job_id = _job_id and num_nonnulls(e.to_status, e.pause) > 0 and e.pause is distinct from 'lost'
      order by e.job_id desc, e.id desc
      limit 2000) e
    order by e.id
  loop
    _since := case when _event.to_status is null then _since else _event.at end;
    _status := coalesce(_event.to_status, _status);
    _pause := case when _event.pause = 'resumed' or _event.to_status = 'in progress' then null else coalesce(_event.pause, _pause) end;
    _begun := _begun or _status = 'in progress';
    _next := case when not _begun or _status = 'done' then null
                  when _status = 'canceled' then 'stopped'
                  when _status = 'error' then 'broken'
                  when _pause is not null then _pause
                  when _status = 'ready' then 'waiting' end;
    if _next is distinct from kind then
      ends := _event.at;
      if kind is not null and begins < ends then
        return next;
      end if;
      kind := _next;
      begins := _event.at;
      reason := case
        when _event.pause = 'paused' and _event.to_status is null then null
        -- What the rule itself says, without what else the event tells.
        when _event.pause = 'held' then coalesce((
          select h.reason from pgjobs.holds h
          where h.job_id = _job_id and h.at between _event.at - interval '1 s' and _event.at order by h.at desc limit 1), _event.reason)
        else _event.reason end;
      by_whom := _event.by_whom;
    end if;
  end loop;
  ends := pgjobs.now();
  -- What has ended is no pause.
  if kind in ('paused', 'held', 'waiting') then
    if begins < ends then
      return next;
    end if;
  elsif _status in ('done', 'canceled', 'error') then
    begins := coalesce(_since, begins);
    kind := 'over';
    return next;
  end if;
end;
$$;
comment on function pgjobs.event_bands(bigint) is
  'What the events of a job tell of when it stood still once it had begun (the last 2,000 that say so): paused, held by a rule of its own, stopped or broken until it was resumed, waiting for a daemon that was to take it; over: from when on it has ended.';
