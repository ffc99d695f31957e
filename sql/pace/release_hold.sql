-- Reads: shards, outcomes   Writes: holds
create or replace function pgjobs.release_hold()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.holds h
  set released_at = pgjobs.now(), errors = c.errors, attempts = c.attempts
  from pgjobs.count_errors(new.id) c
  where h.job_id = new.id and h.released_at is null;
  return null;
end;
$$;
comment on function pgjobs.release_hold() is
  'Trigger: a job that is active again is held by none of its rules; its errors are counted anew from here.';
