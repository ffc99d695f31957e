-- Reads: xmp_jobs, shards   Writes: nothing
create or replace function pgjobs.stuck_jobs(_limit bigint)
returns table (id bigint, status text, why text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select s.id, s.status, s.why
  from (
    (select j.id, j.status::text as status, y.why
     from (
       -- Whoever is paused, or waits for a moment of its own, is as it should be, and is not asked why.
       select j.id, j.status from public.xmp_jobs j
       where j.status = 'in progress' and j.active
         and not pgjobs.waits_by_rule(j.id)
       offset 0) j
     cross join lateral (select pgjobs.why(j.id) as why offset 0) y
     where y.why is not null
     limit _limit)
    union all
    (select j.id, j.status::text, pgjobs.why(j.id)
     from public.xmp_jobs j
     where j.status = 'ready' and j.active and j.run_at < pgjobs.now() - interval '1 minute'
     order by j.run_at
     limit _limit)
  ) s
  limit _limit;
$$;
comment on function pgjobs.stuck_jobs(bigint) is
  'Up to so many jobs that should move and do not: in progress and neither paused nor waiting for its pace, or due for more than a minute; each with the reason. Reads open jobs only, however many have ended.';
