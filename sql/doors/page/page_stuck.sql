-- Reads: xmp_jobs, shards, and what why() reads   Writes: nothing
create or replace function pgjobs.page_stuck(_limit bigint)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _few constant bigint := 20;
  _now constant timestamptz := pgjobs.now();
  _standstill constant text := pgjobs.standstill_reason();
  _no_daemon constant text := 'no daemon is alive: start one with "pgjobs daemon"';
  _ids bigint[];
begin
  _ids := array(
    select distinct c.id
    from (
      -- Nobody has taken it for a minute.
      select d.job_id as id
      from generate_series(0, 10) l (level)
      cross join lateral (
        select p.job_id from pgjobs.shards p
        where _standstill is null and p.priority = l.level and p.owner is null and p.finished_at is null and p.due_at < _now - interval '1 minute'
        order by p.priority desc, p.due_at, p.job_id, p.shard limit _few) d
      union all
      -- Its daemon is silent.
      (select p.job_id from pgjobs.shards p
       where p.owner is not null and p.lease_check_at < clock_timestamp() - interval '10 seconds'
       order by p.lease_check_at limit _few)
      union all
      (select j.id from public.xmp_jobs j
       where (j.status, j.id) < ('in progress', 9223372036854775807) and j.status >= 'in progress'
       order by j.status desc, j.id desc limit _few)) c);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', s.id::text, 'name', s.name, 'type', s.type, 'why', left(s.why, 300)) order by s.id desc), '[]')
    from (
      select j.id, j.name, j.type, y.why
      from unnest(_ids) a (id)
      cross join lateral (select x.* from public.xmp_jobs x where x.id = a.id offset 0) j
      cross join lateral (select pgjobs.why(a.id) as why offset 0) y
      -- Whoever is paused, or waits for a moment of its own, is as it should be.
      where j.status::text in ('ready', 'in progress') and j.active and y.why is not null
        and not (j.status::text = 'in progress' and pgjobs.waits_by_rule(a.id))
        -- What is true of all is said once, and not by each of them.
        and not (_standstill is not null and y.why in (_standstill, _no_daemon))
      limit _limit) s);
end;
$$;
comment on function pgjobs.page_stuck(bigint) is
  'Up to so many jobs that should move and do not, each with the reason, as stuck_jobs() has them; but it looks only at a few: those whose turn has passed, whose daemon is silent, and the newest that run. While everything is held, or no daemon is alive, only those that have another trouble.';
