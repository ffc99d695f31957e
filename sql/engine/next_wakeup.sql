-- Reads: shards   Writes: nothing
create or replace function pgjobs.next_wakeup(_autostart boolean)
returns double precision
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
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
  _due := (select min(f.due_at) from pgjobs.first_due(_autostart) f);
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
