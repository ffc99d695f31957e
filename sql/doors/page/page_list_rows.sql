-- Reads: xmp_jobs, shards, job_status, and what state_remark reads   Writes: nothing
create or replace function pgjobs.page_list_rows(_ids bigint[])
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- One plan serves any ids, and making it takes longer than reading a job.
set plan_cache_mode = force_generic_plan
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', a.id::text, 'name', j.name, 'type', j.type, 'state', s.state, 'status', w.page, 'remark', pgjobs.state_remark(a.id, s.state), 'priority', j.priority,
    'created_at', pgjobs.utc(j.created_at), 'run_at', pgjobs.utc(j.run_at), 'started_at', p.started_at, 'finish_at', pgjobs.utc(j.finish_at),
    'user', nullif(j.id_user, 0), 'who', j.submitted_by, 'task', j.task_id::text, 'media_type', j.media_type, 'reference', j.reference_id,
    'percent', r.percent) order by a.place), '[]')
  from unnest(_ids) with ordinality a (id, place)
  -- Each by its id, whatever the statistics say.
  cross join lateral (select x.* from public.xmp_jobs x where x.id = a.id offset 0) j
  cross join lateral (select t.state from pgjobs.state_of(j) t offset 0) s
  cross join lateral pgjobs.state_words(s.state) w
  cross join lateral (select min(x.started_at) as started_at from pgjobs.shards x where x.job_id = a.id) p
  left join lateral (
    select v.percent from pgjobs.job_status v where p.started_at is not null and s.state <> 'finished' and v.id = a.id offset 0) r on true;
$$;
comment on function pgjobs.page_list_rows(bigint[]) is
  'These jobs in this order as the list shows them: what they are called, their state and its word, their times, who they are of, and how far those are that have begun and are not through.';
