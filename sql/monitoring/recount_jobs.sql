-- Reads: xmp_jobs   Writes: job_counts, maintenance
create or replace function pgjobs.recount_jobs(_every interval)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.maintenance m set recounted_at = clock_timestamp()
  where m.recounted_at is null or m.recounted_at < clock_timestamp() - _every;
  if not found then
    return false;
  end if;
  -- One statement sees one state of both tables, so what is being written meanwhile is neither lost nor counted twice.
  insert into pgjobs.job_counts (type, status, jobs)
  select coalesce(j.type, c.type), coalesce(j.status, c.status), coalesce(j.n, 0) - coalesce(c.n, 0)
  from (select o.type::text, o.status::text, count(*) as n from public.xmp_jobs o group by 1, 2) j
  full join (select k.type, k.status, sum(k.jobs) as n from pgjobs.job_counts k group by 1, 2) c using (type, status)
  where coalesce(j.n, 0) <> coalesce(c.n, 0);
  return true;
end;
$$;
comment on function pgjobs.recount_jobs(interval) is
  'Puts right the numbers of jobs by type and status, which go wrong where triggers did not fire; not more often than asked. False: it was not time yet.';
