-- Reads: xmp_jobs, shards   Writes: nothing
create or replace function pgjobs.is_stranded(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from public.xmp_jobs j
    where j.id = _job_id
      and j.status::text in ('ready', 'in progress') and j.active
      and not exists (select from pgjobs.shards p where p.job_id = j.id and (p.due_at is not null or p.owner is not null)));
$$;
comment on function pgjobs.is_stranded(bigint) is
  'Whether a job is to run, and yet no daemon will ever take it: nobody holds a shard of it, and none has a due time. No transaction may leave a job so.';
