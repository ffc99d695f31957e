-- Reads: xmp_jobs, xmp_job_types   Writes: shards (sends NOTIFY pgjobs)
create or replace function pgjobs.apply_holidays()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.shards p
  set due_at = case when p.owner is null then pgjobs.now() else p.due_at end, repaced = p.owner is not null
  from public.xmp_jobs j
  where j.status::text = 'in progress' and j.active and (pgjobs.pace_of(j.id)).schedule ? 'window'
    and p.job_id = j.id and p.finished_at is null
    and (p.owner is not null or p.due_at > pgjobs.now() and p.failures = 0);
  perform pg_notify('pgjobs', '{}');
  return null;
end;
$$;
comment on function pgjobs.apply_holidays() is
  'Trigger: jobs that wait for a window look at the changed holidays at once.';
