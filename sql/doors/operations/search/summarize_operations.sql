-- Reads: xmp_jobs, items, item_counts, and what the conditions read   Writes: nothing
create or replace function pgjobs.summarize_operations(_asked jsonb, _groups jsonb, out counted bigint, out groups jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _jobs bigint[];
  _keys bigint[];
  _more boolean;
begin
  if _asked ->> 'condition' = 'true' and jsonb_typeof(_asked -> 'keys') <> 'array' and _asked -> 'groups' = '[]' then
    select w.ids, w.more into _jobs, _more from pgjobs.walk_jobs(_asked, _asked ->> 'job_condition', null, 0, pgjobs.most_sorted()) w;
    perform pgjobs.refuse_long_sort(_more);
    with counts as (
      select upper(j.type::text) as name,
        case when c.status = 'w' and j.status::text = 'ready' and j.active then 'SCHEDULED' else pgjobs.operation_status(c.status) end as status, sum(c.n)::bigint as n
      from unnest(_jobs) a (id)
      cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
      cross join lateral (select k.* from pgjobs.item_counts k where k.job_id = a.id and k.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x') offset 0) c
      group by 1, 2
    )
    select coalesce(sum(c.n), 0),
      jsonb_build_array(pgjobs.summary_group('operationName', array_agg(c.name), array_agg(c.n)),
                        pgjobs.summary_group('operationStatus', array_agg(c.status), array_agg(c.n)))
    into counted, groups
    from counts c;
    if counted > pgjobs.most_sorted() then
      return;
    end if;
  end if;
  select w.jobs, w.keys, w.more into _jobs, _keys, _more
  from pgjobs.walk_operations(_asked, _asked ->> 'job_condition', _asked ->> 'condition', null, null, 0, pgjobs.most_sorted()) w;
  perform pgjobs.refuse_long_sort(_more);
  counted := cardinality(_keys);
  groups := pgjobs.count_found('operations', _groups, _jobs, _keys);
end;
$$;
comment on function pgjobs.summarize_operations(jsonb, jsonb) is
  'How many operations a search finds, and how many of them by each of these fields. Where it names jobs alone and there are too many operations to look at each, the counters say how many there are, by name and status.';
