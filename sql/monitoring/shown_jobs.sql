-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.shown_jobs()
returns table (id bigint)
language sql
stable
rows 100
set search_path = pg_catalog, pg_temp
as $$
  (select j.id::bigint from public.xmp_jobs j
   where (j.status, j.id) > ('in progress', -9223372036854775808) and j.status <= 'in progress'
   order by j.status, j.id limit 50)
  union
  (select j.id::bigint from public.xmp_jobs j
   where (j.status, j.id) < ('in progress', 9223372036854775807) and j.status >= 'in progress'
   order by j.status desc, j.id desc limit 50);
$$;
comment on function pgjobs.shown_jobs() is
  'The running jobs that the monitoring shows one by one: 100 at most, the 50 oldest and the 50 newest.';
