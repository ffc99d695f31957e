-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.first_types(_most integer)
returns text[]
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select array(select t.name::text from public.xmp_job_types t order by t.name limit least(greatest(_most, 0), 100));
$$;
comment on function pgjobs.first_types(integer) is
  'The first registered types by name, at most so many (100 at the most): a daemon shows their counters at 0 before their first record.';
