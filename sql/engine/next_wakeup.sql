-- Reads: shards   Writes: nothing
create or replace function pgjobs.next_wakeup(_autostart boolean)
returns double precision
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- With the value known, each of the two partial indexes serves its daemons.
set plan_cache_mode = force_custom_plan
as $$
declare
  _now timestamptz := pgjobs.now();
  _clock timestamptz := clock_timestamp();
  _due timestamptz;
  _lease timestamptz;
begin
  if exists (select from pgjobs.switch s where s.held) then
    return 3600;
  end if;
  -- From one priority to the next by the index, and of each the first one: how many are due later costs nothing.
  with recursive levels (priority) as (
    (select p.priority from pgjobs.shards p
     where p.owner is null and p.finished_at is null and p.due_at is not null and (_autostart or p.asked)
     order by p.priority desc limit 1)
    union all
    select (
      select p.priority from pgjobs.shards p
      where p.owner is null and p.finished_at is null and p.due_at is not null and (_autostart or p.asked) and p.priority < l.priority
      order by p.priority desc limit 1)
    from levels l where l.priority is not null
  )
  select min(d.due_at) into _due
  from levels l
  cross join lateral (
    select p.due_at from pgjobs.shards p
    where p.owner is null and p.finished_at is null and p.due_at is not null and (_autostart or p.asked) and p.priority = l.priority
    order by p.due_at limit 1) d;
  _due := least(_due, (
    select p.due_at from pgjobs.shards p where p.finished_at is not null and p.due_at is not null order by p.due_at limit 1));
  _lease := (select p.lease_check_at from pgjobs.shards p where p.owner is not null order by p.lease_check_at limit 1);
  -- Each moment is brought into the coming hour before it is subtracted: an infinite one of an old row is no error then.
  return least(3600,
    extract(epoch from greatest(least(_due, _now + interval '1 hour'), _now) - _now),
    extract(epoch from greatest(least(_lease, _clock + interval '1 hour'), _clock) - _clock));
end;
$$;
comment on function pgjobs.next_wakeup(boolean) is
  'Seconds until something falls due by itself: a run_at, the end of a pause, the moment to look at a lease; 3600 at most.';
