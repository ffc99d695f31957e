-- Reads: xmp_jobs   Writes: paces, shards (sends NOTIFY pgjobs)
create or replace function pgjobs.apply_type_pace()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.rate is null then
    delete from pgjobs.paces where what = 'type ' || new.name::text;
  else
    update pgjobs.paces set next_at = pgjobs.now() where what = 'type ' || new.name::text and next_at > pgjobs.now();
  end if;
  update pgjobs.shards p
  set due_at = case when p.owner is null then pgjobs.now() else p.due_at end, repaced = p.owner is not null
  from public.xmp_jobs j
  where j.type::text = new.name::text and j.status::text = 'in progress' and j.active
    and p.job_id = j.id and p.finished_at is null
    and (p.owner is not null or p.due_at > pgjobs.now() and p.failures = 0);
  -- A job that is paused waits for its stop, which may be another one now.
  perform pgjobs.schedule_shards(j.id, j.status::text, j.active, j.run_at::timestamptz, j.priority::smallint, j.start_asked)
  from public.xmp_jobs j
  where j.type::text = new.name::text and j.status::text = 'in progress' and not j.active;
  perform pg_notify('pgjobs', '{}');
  return null;
end;
$$;
comment on function pgjobs.apply_type_pace() is
  'Trigger: jobs in progress of a type whose limits were changed look at them at once, those too that are parked because of the old ones, or wait for answers by the old time-outs.';
