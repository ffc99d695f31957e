-- Reads: xmp_jobs, shards, postponed_jobs   Writes: nothing
create or replace function pgjobs.next_wakeup(_autostart boolean)
returns double precision
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  -- Each moment is brought into the coming hour before it is subtracted: an infinite one of an old row is no error then.
  select greatest(0, extract(epoch from least(
    (select greatest(least(min(j.run_at::timestamptz), pgjobs.now() + interval '1 hour'), pgjobs.now()) - pgjobs.now()
     from public.xmp_jobs j
     where j.status = 'ready' and j.active and (_autostart or j.start_asked)
       and not exists (select from pgjobs.postponed_jobs o where o.job_id = j.id)),
    (select greatest(least(min(m.at), clock_timestamp() + interval '1 hour'), clock_timestamp()) - clock_timestamp()
     from (
       select greatest(coalesce(p.lease_until, p.retry_at), coalesce(p.retry_at, p.lease_until)) as at
       from pgjobs.shards p join public.xmp_jobs j on j.id = p.job_id
       where j.status = 'in progress' and p.finished_at is null
         and not exists (select from pgjobs.postponed_jobs o where o.job_id = j.id)
       union all
       select greatest(o.retry_at, case when j.status = 'ready' then j.run_at::timestamptz end)
       from pgjobs.postponed_jobs o join public.xmp_jobs j on j.id = o.job_id
       where j.status = 'in progress' or j.status = 'ready' and j.active and (_autostart or j.start_asked)
     ) m),
    interval '1 hour'
  )))::double precision;
$$;
comment on function pgjobs.next_wakeup(boolean) is
  'Seconds until something falls due by itself: a run_at, the end of a lease, a retry, the next attempt of a job set aside; 3600 at most.';
