-- Reads: xmp_jobs, progress   Writes: nothing
create or replace function pgjobs.next_wakeup(_autostart boolean)
returns double precision
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select greatest(0, extract(epoch from least(
    (select min(j.run_at::timestamptz) - pgjobs.now() from public.xmp_jobs j
     where j.status = 'ready' and j.active and (_autostart or j.start_asked)),
    (select min(greatest(coalesce(p.lease_until, p.retry_at), coalesce(p.retry_at, p.lease_until))) - clock_timestamp()
     from pgjobs.progress p join public.xmp_jobs j on j.id = p.job_id
     where j.status = 'in progress' and p.finished_at is null),
    interval '1 hour'
  )))::double precision;
$$;
comment on function pgjobs.next_wakeup(boolean) is
  'Seconds until something falls due by itself: a run_at, the end of a lease, a retry; 3600 at most.';
