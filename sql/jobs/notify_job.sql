-- Reads: nothing   Writes: nothing (sends NOTIFY pgjobs)
create or replace function pgjobs.notify_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('pgjobs', json_build_object('id', new.id, 'status', new.status)::text);
  return null;
end;
$$;
comment on function pgjobs.notify_job() is
  'Trigger: tells the daemons to look at a job whose status, run_at, active or priority changed; a hint, never the message itself.';
