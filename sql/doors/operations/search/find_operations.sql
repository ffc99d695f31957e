-- Reads: xmp_jobs, items, item_counts, and what the conditions read   Writes: nothing
create or replace function pgjobs.find_operations(
  _asked jsonb, _start bigint, _size bigint, _after jsonb, out jobs bigint[], out keys bigint[], out more boolean, out total bigint, out behind jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _skip constant bigint := (_start - 1) * _size;
begin
  if _asked ->> 'sort' is null then
    select w.jobs, w.keys, w.more into jobs, keys, more
    from pgjobs.walk_operations(_asked, _asked ->> 'job_condition', _asked ->> 'condition', (_after ->> 'job')::bigint, (_after ->> 'key')::bigint,
                                case when _after is null then _skip else 0 end, _size) w;
    behind := jsonb_build_object('job', jobs[cardinality(jobs)], 'key', keys[cardinality(keys)]);
    if more and jsonb_typeof(_asked -> 'jobs') = 'array' and jsonb_typeof(_asked -> 'keys') <> 'array' and _asked ->> 'condition' = 'true' then
      total := (
        select sum(pgjobs.operation_count(m.id, '{w,l,r,s,f,t,c,x}'))
        from unnest(pgjobs.matching_jobs(array(select distinct e::bigint from jsonb_array_elements_text(_asked -> 'jobs') e),
                                         array(select jsonb_array_elements_text(_asked -> 'types')), _asked ->> 'job_condition')) m (id));
    end if;
    return;
  end if;
  select w.jobs, w.keys, w.more into jobs, keys, more
  from pgjobs.walk_operations(_asked, _asked ->> 'job_condition', _asked ->> 'condition', null, null, 0, pgjobs.most_sorted()) w;
  perform pgjobs.refuse_long_sort(more);
  total := cardinality(keys);
  execute format($items$
    select coalesce(array_agg(s.job order by s.place), '{}'), coalesce(array_agg(s.key order by s.place), '{}')
    from (
      select a.job, a.key, row_number() over (order by %s, a.job desc, a.key) as place
      from unnest($1, $2) a (job, key)
      cross join lateral (select r.* from public.xmp_jobs r where r.id = a.job offset 0) j
      cross join lateral (select r.* from pgjobs.items r where r.job_id = a.job and r.key = a.key offset 0) i) s
    where s.place > $3 and s.place <= $3 + $4$items$, _asked ->> 'sort')
  into jobs, keys using jobs, keys, _skip, _size;
  more := _skip + _size < total;
end;
$$;
comment on function pgjobs.find_operations(jsonb, bigint, bigint, jsonb) is
  'A page of the operations that a search asks for, as read_search() gives it: those of the newest job first, by key within a job, or in its own order; the job and the key of each. Otherwise as find_jobs().';
