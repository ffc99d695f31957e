-- Reads: xmp_jobs, job_counts, switch, and what page_system and jobs_json read   Writes: nothing
create or replace function pgjobs.overview(_limit bigint default 50)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _system constant jsonb := pgjobs.page_system();
begin
  perform pgjobs.need_limit(_limit);
  return jsonb_build_object(
    'at', _system -> 'now',
    'held', pgjobs.held_reason(),
    'counts', (
      select coalesce(jsonb_object_agg(c.status, c.jobs), '{}')
      from (select k.status, sum(k.jobs) as jobs from pgjobs.job_counts k group by k.status having sum(k.jobs) > 0) c),
    'jobs', pgjobs.running_jobs(_limit),
    'daemons', _system -> 'daemons',
    'queues', _system -> 'queues');
end;
$$;
comment on function pgjobs.overview(bigint) is
  'What goes on, as a JSON object: at, held (why nothing is published), counts (jobs by status), jobs (those in progress, so many at most), daemons and queues as page_system() tells them. Refuses a limit outside 1 to 1000.';
