-- Reads: task_status, tasks, task_progress, task_runs, xmp_jobs   Writes: nothing
create or replace function pgjobs.page_tasks(_before bigint default null, _limit bigint default 50)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform pgjobs.need_limit(_limit);
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', t.id, 'name', t.name, 'state', t.state, 'type', t.type, 'priority', t.priority, 'repeating', t.repeating,
      'words', pgjobs.repeating_words(t.repeating), 'starts_at', t.starts_at, 'stops_at', t.stops_at, 'most_runs', t.most_runs,
      'runs', coalesce(t.runs, 0), 'last_occasion', t.last_occasion, 'next_job', t.next_job, 'finished_at', t.finished_at,
      'trouble', t.trouble, 'last_job', l.job,
      'occasions', case when t.state = 'ACTIVE' then (
        select coalesce(jsonb_agg(o.occasion order by o.run), '[]') from pgjobs.occasions(t.id, 5) o) else '[]' end
      ) order by t.id desc), '[]')
    from (
      select * from pgjobs.task_status v
      where v.id < coalesce(_before, 9223372036854775807)
      order by v.id desc
      limit coalesce(_limit, 50)) t
    -- The last one that has begun, or was to; the one that waits for its occasion is next_job.
    left join lateral (
      select jsonb_build_object('id', j.id, 'status', w.page, 'at', r.occasion) as job
      from pgjobs.task_runs r
      join public.xmp_jobs j on j.id = r.job_id
      left join lateral pgjobs.state_words(pgjobs.job_state(j)) w on true
      where r.task_id = t.id and r.job_id is distinct from t.next_job
      order by r.occasion desc
      limit 1) l on true);
end;
$$;
comment on function pgjobs.page_tasks(bigint, bigint) is
  'The tasks for the jobs page, the newest first: state, schedule as JSON and in words, the last job, the next five occasions, and what keeps a task from making a job; at most so many (50), the next page begins before the last id of this one. Refuses a limit outside 1 to 1000.';
