-- Reads: xmp_jobs, job_status, job_item_counts, and what has_failed reads   Writes: nothing
create or replace function pgjobs.jobs_json(_ids bigint[])
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- One plan serves any ids, and making it takes longer than reading a job.
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select coalesce(jsonb_agg(j.job || jsonb_build_object(
      'progress', jsonb_build_object(
        'owner', s.owner, 'total', s.total, 'considered', coalesce(s.considered, 0), 'sent', coalesce(s.sent, 0),
        'skipped', coalesce(s.skipped, 0), 'returned', coalesce(s.returned, 0), 'percent', coalesce(s.percent, 0),
        'rate', s.records_per_second, 'eta', s.eta, 'log_path', s.log_path, 'started_at', s.started_at, 'updated_at', s.updated_at),
      'why', s.why)
      || case when i.items is null then '{}' else jsonb_build_object('items', i.items) end order by a.place), '[]')
    from unnest(_ids) with ordinality a (id, place)
    -- Each by its id, whatever the statistics say: the view is never computed for other jobs.
    cross join lateral (select pgjobs.row_json(r) as job from public.xmp_jobs r where r.id = a.id offset 0) j
    cross join lateral (select * from pgjobs.job_status v where v.id = a.id offset 0) s
    left join lateral (
      select to_jsonb(c) - 'job_id' || case when pgjobs.has_failed(c.job_id) then '{"has_failed": true}' else '{}'::jsonb end as items
      from pgjobs.job_item_counts c where c.job_id = a.id offset 0) i on true);
exception when others then
  if cardinality(_ids) > 1 then
    return (
      select coalesce(jsonb_agg(e.job order by a.place), '[]')
      from unnest(_ids) with ordinality a (id, place)
      cross join lateral jsonb_array_elements(pgjobs.jobs_json(array[a.id])) e (job));
  end if;
  -- A job whose figures cannot be computed is listed and can be stopped all the same.
  return (
    select coalesce(jsonb_agg(pgjobs.row_json(j) || jsonb_build_object(
      'progress', jsonb_build_object(
        'owner', null, 'total', null, 'considered', 0, 'sent', 0, 'skipped', 0, 'returned', 0, 'percent', 0,
        'rate', null, 'eta', null, 'log_path', null, 'started_at', null, 'updated_at', null),
      'why', 'its progress cannot be computed: ' || sqlerrm)), '[]')
    from public.xmp_jobs j where j.id = any (_ids));
end;
$$;
comment on function pgjobs.jobs_json(bigint[]) is
  'Jobs as a JSON array in the order of these ids: row, progress, why it does not move, and the items of a tracked one; by one query for all of them. Where something of a job cannot be computed, the rest of it and the other jobs are told.';
