-- Reads: xmp_jobs, job_counts, and what the conditions read   Writes: nothing
create or replace function pgjobs.find_jobs(
  _asked jsonb, _start bigint, _size bigint, _after jsonb, out jobs bigint[], out keys bigint[], out more boolean, out total bigint, out behind jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _skip constant bigint := (_start - 1) * _size;
begin
  if _asked ->> 'sort' is null then
    select w.ids, w.more into jobs, more
    from pgjobs.walk_jobs(_asked, _asked ->> 'job_condition', (_after ->> 'job')::bigint, case when _after is null then _skip else 0 end, _size) w;
    behind := jsonb_build_object('job', jobs[cardinality(jobs)]);
    if more and not (_asked ->> 'filtered')::boolean then
      total := (select sum(c.jobs) from pgjobs.job_counts c where c.type in (select jsonb_array_elements_text(_asked -> 'types')));
    end if;
    return;
  end if;
  select w.ids, w.more into jobs, more from pgjobs.walk_jobs(_asked, _asked ->> 'job_condition', null, 0, pgjobs.most_sorted()) w;
  perform pgjobs.refuse_long_sort(more);
  total := cardinality(jobs);
  execute format($jobs$
    select array(
      select j.id from unnest($1) a (id) cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
      order by %s, j.id desc offset $2 limit $3)$jobs$, _asked ->> 'sort')
  into jobs using jobs, _skip, _size;
  more := _skip + _size < total;
end;
$$;
comment on function pgjobs.find_jobs(jsonb, bigint, bigint, jsonb) is
  'A page of the jobs that a search asks for, as read_search() gives it: the newest first, or in its own order; whether there are more, their number where it is known, and behind what the next page begins (null: it has an order of its own). _after: behind what this page begins, where that is known.';
