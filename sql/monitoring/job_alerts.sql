-- Reads: xmp_jobs, shards, switch, and what plan reads   Writes: nothing
create or replace function pgjobs.job_alerts()
returns table (name text, subject text, since timestamptz, summary text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select 'PgjobsJobStalled', 'job ' || t.id, t.since, format('job %s has finished no window since %s', t.id, pgjobs.moment_text(t.since))
  from (select s.id, s.since from pgjobs.stalled_jobs(300) s order by s.since limit 100) t
  union all
  select 'PgjobsJobsWaiting', 'jobs', o.at, format('a job has been due since %s, and no daemon takes it', pgjobs.moment_text(o.at))
  from (select pgjobs.oldest_due() as at) o
  where o.at < pgjobs.now() - interval '5 minutes'
  union all
  select 'PgjobsEtaPastStop', 'job ' || r.id, null, format('%s records of job %s will not be through at its stop', l.records, r.id)
  from pgjobs.shown_jobs() r
  cross join lateral (select pgjobs.left_at_stop(r.id) as records) l
  where l.records > 0
  union all
  select 'PgjobsJobBroken', 'job ' || b.id, b.at, format('job %s broke off at %s', b.id, pgjobs.moment_text(b.at))
  from (
    select j.id, j.finish_at::timestamptz as at
    from public.xmp_jobs j
    where j.finish_at > pgjobs.now() - interval '15 minutes' and j.status::text = 'error'
    order by j.finish_at desc
    limit 100) b;
$$;
comment on function pgjobs.job_alerts() is
  'The alerts about jobs: of those that stand still, will not be through in time, or broke off within 15 minutes, 100 of a kind at most.';
