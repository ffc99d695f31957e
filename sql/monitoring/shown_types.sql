-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.shown_types()
returns table (type text, label text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.name::text, case when row_number() over (order by t.name) <= 100 then t.name::text else 'other' end
  from public.xmp_job_types t;
$$;
comment on function pgjobs.shown_types() is
  'Under which label the monitoring shows each registered type: the first 100 by name under their own, all others together as other.';
