-- Reads: xmp_jobs   Writes: job_counts
create or replace function pgjobs.recount_jobs()
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- One statement sees one state of both tables, so what is being written meanwhile is neither lost nor counted twice.
  insert into pgjobs.job_counts (type, status, jobs)
  select coalesce(j.type, c.type), coalesce(j.status, c.status), coalesce(j.n, 0) - coalesce(c.n, 0)
  from (select o.type::text, o.status::text, count(*) as n from public.xmp_jobs o group by 1, 2) j
  full join (select k.type, k.status, sum(k.jobs) as n from pgjobs.job_counts k group by 1, 2) c using (type, status)
  where coalesce(j.n, 0) <> coalesce(c.n, 0);
$$;
comment on function pgjobs.recount_jobs() is
  'Puts right the numbers of jobs by type and status, which go wrong where triggers did not fire. Not for two callers at once.';
