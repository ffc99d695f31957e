-- Reads: xmp_jobs, shards, events   Writes: nothing
create or replace function pgjobs.begun_shards(_job_id bigint)
returns integer
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select max(p.parts) from pgjobs.shards p where p.job_id = j.id), 1)
  from public.xmp_jobs j
  where j.id = _job_id and exists (select from pgjobs.events e where e.job_id = j.id and e.to_status = 'in progress');
$$;
comment on function pgjobs.begun_shards(bigint) is
  'Into how many shards a job was cut that has begun; null: it has not, or there is none. What a check of its log compares with.';
