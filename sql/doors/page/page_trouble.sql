-- Reads: switch, job_counts, xmp_jobs, shards, and what why() reads   Writes: nothing
create or replace function pgjobs.page_trouble()
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'held', pgjobs.held_reason(),
    'no_daemon', not exists (select from pgjobs.live_daemons()) and (exists (select from pgjobs.shards p where p.owner is not null) or (
      select p.job_id from pgjobs.shards p where p.owner is null and p.finished_at is null and p.due_at is not null
      order by p.priority desc, p.due_at, p.job_id, p.shard limit 1) is not null),
    'broken', (select greatest(coalesce(sum(c.jobs), 0), 0) from pgjobs.job_counts c where c.status = 'error'),
    'errors', (
      select coalesce(jsonb_agg(jsonb_build_object('id', e.id::text, 'name', j.name, 'type', j.type, 'finish_at', pgjobs.utc(j.finish_at),
        'status', w.page, 'why', left(pgjobs.why(e.id), 300)) order by e.n), '[]')
      from unnest(pgjobs.newest_jobs('error', null, 3, null)) with ordinality e (id, n)
      cross join lateral (select x.* from public.xmp_jobs x where x.id = e.id offset 0) j
      cross join lateral pgjobs.state_words(pgjobs.job_state(j)) w),
    'stuck', pgjobs.page_stuck(3));
$$;
comment on function pgjobs.page_trouble() is
  'What is wrong, for the top of the list: the kill switch, whether no daemon lives though jobs wait, how many jobs have broken off and the newest three of them, and a few that should move and do not.';
