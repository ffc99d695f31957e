-- Reads: nothing   Writes: shards (yield_at), daemons (has_place)
create or replace function pgjobs.choose_yields(_daemon uuid, _running text[], _autostart boolean, _held interval)
returns table (job_id bigint, shard integer, reason text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- With the value known, each of the two partial indexes serves its daemons.
set plan_cache_mode = force_custom_plan
as $$
declare
  _now timestamptz := clock_timestamp();
  _today timestamptz := pgjobs.now();
  _places integer;
  _aged boolean;
  _due record;
  _given boolean := false;
  _jobs bigint[] := '{}';
  _priorities smallint[] := '{}';
  _levels integer[] := '{}';
begin
  perform pgjobs.free_lost_shards(_daemon, _running);
  update pgjobs.daemons w set has_place = false where w.id = _daemon and w.has_place;
  -- Where another daemon has a free place, that one takes what is due.
  if exists (
    select from pgjobs.live_daemons() w
    where w.id <> _daemon and w.has_broker and w.has_place and (w.autostart or not _autostart)) then
    return;
  end if;
  select count(*), count(p.claimed_priority) > 0 into _places, _aged from pgjobs.shards p where p.owner = _daemon;
  for _due in
    select d.job_id, d.shard, d.priority, d.level
    from (
      select p.*, pgjobs.aged_priority(p.priority, p.due_at, _today) as level
      from pgjobs.first_due(_autostart) f
      cross join lateral (
        select p.job_id, p.shard, p.priority, p.due_at from pgjobs.shards p
        where p.owner is null and p.finished_at is null and p.due_at <= _today and (_autostart or p.asked) and p.priority = f.priority
        order by p.due_at, p.job_id, p.shard limit 2 * _places) p
      where f.due_at <= _today
    ) d
    where exists (
      select from pgjobs.shards h
      where h.owner = _daemon and pgjobs.gives_way(h, d.job_id, d.priority, d.level, _now - _held))
    -- In the order of claim_shards().
    order by d.level desc, case when _aged then d.priority end desc, d.due_at, d.priority desc, d.job_id, d.shard
    limit _places
  loop
    -- What is locked is just being taken, or another daemon makes room for it.
    perform from pgjobs.shards p where p.job_id = _due.job_id and p.shard = _due.shard and p.owner is null for update skip locked;
    if found then
      _jobs := _jobs || _due.job_id;
      _priorities := _priorities || _due.priority;
      _levels := _levels || _due.level;
    end if;
  end loop;
  for _i in 1 .. cardinality(_jobs) loop
    update pgjobs.shards p set yield_at = _now
    where (p.job_id, p.shard) = (
      select h.job_id, h.shard
      from pgjobs.shards h
      where h.owner = _daemon and h.lease_until > _now and (h.yield_at is null or h.yield_at < _now - interval '1 minute')
        and pgjobs.gives_way(h, _jobs[_i], _priorities[_i], _levels[_i], _now - _held)
      -- What is not prepared yet would have to begin its preparation again.
      order by pgjobs.held_priority(h, _now - _held), h.prepared_at is null, h.claimed_at
      limit 1
      for update skip locked)
    returning p.job_id, p.shard,
      case when p.priority < _priorities[_i] then format('it gave its place up to job %s, whose priority is higher', _jobs[_i])
           when p.priority < _levels[_i] then
             format('it gave its place up to job %s, whose priority has grown to %s while it waited', _jobs[_i], _levels[_i])
           else format('it gave its place up to job %s, whose turn it was', _jobs[_i]) end
    into job_id, shard, reason;
    if found then
      return next;
      _given := true;
    end if;
  end loop;
  -- Until it has claimed for these places, no other daemon gives up one.
  update pgjobs.daemons w set has_place = true where w.id = _daemon and _given;
end;
$$;
comment on function pgjobs.choose_yields(uuid, text[], boolean, interval) is
  'Which shards a full daemon gives up for more urgent ones that are due, while no daemon has a free place: at once to a higher priority, and after so long on their place to another job whose priority, aged by its waiting, is as high or higher (see gives_way()). The caller claims for these places at once, while the shards still end their windows. Each place that is asked for is given up once, whichever daemon does it.';
