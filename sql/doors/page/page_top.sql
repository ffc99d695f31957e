-- Reads: what page_trouble, page_counts and newest_jobs read   Writes: nothing
create or replace function pgjobs.page_top(_types text[])
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', a.type, 'final', false, 'moving', false, 'trouble', t.trouble, 'counts', pgjobs.page_counts(nullif(a.type, '')),
    'newest', (select coalesce(jsonb_agg(n.id::text order by n.id desc), '[]') from unnest(pgjobs.newest_jobs(null, nullif(a.type, ''), 51, null)) n (id)))), '[]')
  from (select pgjobs.page_trouble() as trouble offset 0) t
  cross join unnest(_types) a (type);
$$;
comment on function pgjobs.page_top(text[]) is
  'What moves above the list of jobs, once for each of these types ('''' for all): what is wrong, the numbers, and the numbers of the newest 51 jobs, by which a page tells how many came since.';
