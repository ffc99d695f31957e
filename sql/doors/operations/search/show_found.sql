-- Reads: xmp_jobs, items, item_bodies, tasks, task_progress, and what the columns read   Writes: nothing
create or replace function pgjobs.show_found(_search text, _columns jsonb, _jobs bigint[], _keys bigint[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _shown jsonb;
begin
  if jsonb_typeof(_columns) = 'array' then
    execute format('select jsonb_agg(jsonb_build_object(%s) order by a.place) from %s',
      (select string_agg(format('%L, %s', c.value ->> 'title', c.value ->> 'sql'), ', ' order by c.n) from jsonb_array_elements(_columns) with ordinality c (value, n)),
      pgjobs.search_source(_search)) into _shown using _jobs, _keys;
  elsif _search = 'jobs' then
    execute format('select jsonb_agg(pgjobs.operation_job_json(j) order by a.place) from %s', pgjobs.search_source(_search)) into _shown using _jobs;
  elsif _search = 'tasks' then
    execute format('select jsonb_agg(pgjobs.operation_task_json(t) order by a.place) from %s', pgjobs.search_source(_search)) into _shown using _jobs;
  else
    execute format($items$
      with bodies as materialized (
        -- Unpacked once for all items of a row.
        select b.job_id, u.key, u.body
        from (
          select distinct a.id, f.from_key
          from unnest($1, $2) a (id, key)
          cross join lateral (
            select b.from_key from pgjobs.item_bodies b where b.job_id = a.id and b.from_key <= a.key order by b.from_key desc limit 1) f) r
        cross join lateral (select b.* from pgjobs.item_bodies b where b.job_id = r.id and b.from_key = r.from_key offset 0) b
        cross join lateral unnest(b.keys, b.bodies) u (key, body)
      )
      select jsonb_agg(pgjobs.operation_json(j, i, b.body) order by a.place)
      from %s
      left join bodies b on b.job_id = a.id and b.key = a.key$items$, pgjobs.search_source(_search)) into _shown using _jobs, _keys;
  end if;
  return _shown;
end;
$$;
comment on function pgjobs.show_found(text, jsonb, bigint[], bigint[]) is
  'What a search has found as a JSON array, each row as the door shows such a thing, or with the selected columns alone.';
