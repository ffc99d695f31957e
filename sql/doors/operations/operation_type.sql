-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.operation_type(_name text)
returns public.xmp_job_types
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.* from public.xmp_job_types t
  where 'operations' = any (t.doors) and t.selector is not null and upper(t.name) = upper(_name)
  order by t.name = _name desc, t.name
  limit 1;
$$;
comment on function pgjobs.operation_type(text) is
  'The job type that an operation of this name is, in capitals or not; null where the door of the operations offers none.';
