-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_source(_search text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case _search
    when 'tasks' then 'unnest($1) with ordinality a (id, place)
      cross join lateral (select r.* from pgjobs.tasks r where r.id = a.id offset 0) t
      left join pgjobs.task_progress p on p.task_id = a.id'
    when 'jobs' then 'unnest($1) with ordinality a (id, place)
      cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j'
    else 'unnest($1, $2) with ordinality a (id, key, place)
      cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
      cross join lateral (select r.* from pgjobs.items r where r.job_id = a.id and r.key = a.key offset 0) i' end;
$$;
comment on function pgjobs.search_source(text) is
  'The FROM clause over what a search has found, in its order (a.place): the jobs or tasks $1, or the operations with the jobs $1 and the keys $2. Each is looked up by its key, whatever the statistics say.';
