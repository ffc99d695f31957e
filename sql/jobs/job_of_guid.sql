-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.job_of_guid(_guid uuid)
returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select j.id from public.xmp_jobs j where j.guid = _guid limit 1),
    (select j.id from public.xmp_jobs j
     where _guid::text like '00000000-0000-8000-8%' and j.guid is null
       and j.id = ('x' || lpad(replace(substring(_guid::text from 21), '-', ''), 16, '0'))::bit(64)::bigint));
$$;
comment on function pgjobs.job_of_guid(uuid) is 'The number of the job that has this GUID; null when there is none.';
