-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.search_types(_names text[])
returns text[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select t.name from public.xmp_job_types t
    where 'operations' = any (t.doors) and (_names is null or upper(t.name) = any (select upper(n) from unnest(_names) n))
    order by t.name);
$$;
comment on function pgjobs.search_types(text[]) is 'The types that the door of operations shows, of these names, in capitals or not; null: all of them.';
