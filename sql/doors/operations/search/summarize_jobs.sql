-- Reads: xmp_jobs, job_counts, and what the conditions read   Writes: nothing
create or replace function pgjobs.summarize_jobs(_asked jsonb, _groups jsonb, out counted bigint, out groups jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _finished constant boolean := not (_asked ->> 'filtered')::boolean and _asked -> 'groups' = '[]';
  _ids bigint[];
  _more boolean;
begin
  if _finished then
    -- Those that are done need no look at each.
    _asked := _asked || jsonb_build_object('statuses', (select jsonb_agg(s) from unnest(pgjobs.search_statuses(null)) s where s <> 'done'));
  end if;
  select w.ids, w.more into _ids, _more from pgjobs.walk_jobs(_asked, _asked ->> 'job_condition', null, 0, pgjobs.most_sorted()) w;
  perform pgjobs.refuse_long_sort(_more);
  if not _finished then
    counted := cardinality(_ids);
    groups := pgjobs.count_found('jobs', _groups, _ids, null);
    return;
  end if;
  with counts as (
    select upper(j.type::text) as name, (select w.operations from pgjobs.state_words(pgjobs.job_state(j)) w) as status, count(*) as n
    from unnest(_ids) a (id)
    cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
    group by 1, 2
    union all
    select upper(c.type), 'FINISHED', sum(c.jobs)
    from pgjobs.job_counts c
    where c.type in (select jsonb_array_elements_text(_asked -> 'types')) and c.status = 'done'
    group by c.type having sum(c.jobs) > 0
  )
  select coalesce(sum(c.n), 0), jsonb_build_array(pgjobs.summary_group('jobStatus', array_agg(c.status), array_agg(c.n::bigint)),
                                                  pgjobs.summary_group('jobOperationName', array_agg(c.name), array_agg(c.n::bigint)))
  into counted, groups
  from counts c;
end;
$$;
comment on function pgjobs.summarize_jobs(jsonb, jsonb) is
  'How many jobs a search finds, and how many of them by each of these fields; without a filter, counters say how many are done.';
