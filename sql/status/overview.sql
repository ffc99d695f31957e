-- Reads: xmp_jobs, job_counts, daemons, shards, switch, and what jobs_json reads   Writes: nothing
create or replace function pgjobs.overview(_limit bigint default 50)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform pgjobs.need_limit(_limit);
  return jsonb_build_object(
    'at', clock_timestamp(),
    'held', pgjobs.held_reason(),
    'counts', (
      select coalesce(jsonb_object_agg(c.status, c.jobs), '{}')
      from (select k.status, sum(k.jobs) as jobs from pgjobs.job_counts k group by k.status having sum(k.jobs) > 0) c),
    'jobs', pgjobs.running_jobs(_limit),
    'daemons', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'name', w.name, 'host', w.host, 'pid', w.pid, 'version', w.version, 'started_at', w.started_at, 'seen_at', w.seen_at,
        'alive', exists (select from pgjobs.live_daemons() l where l.id = w.id), 'broker', w.broker, 'shards', (
          select count(*) from pgjobs.shards p where p.owner = w.id and p.lease_until > clock_timestamp())) order by w.name, w.id), '[]')
      from pgjobs.daemons w));
end;
$$;
comment on function pgjobs.overview(bigint) is
  'What goes on, as a JSON object: at, held (why nothing is published), counts (jobs by status), jobs (those in progress, so many at most) and daemons (with the shards that each of them runs). Refuses a limit outside 1 to 1000.';
