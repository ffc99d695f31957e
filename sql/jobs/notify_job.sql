-- Reads: nothing   Writes: nothing (sends NOTIFY pgjobs)
create or replace function pgjobs.notify_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_notify('pgjobs', json_strip_nulls(json_build_object('id', new.id, 'status', new.status,
    -- Its runs have something to obey: a pause, or another pace.
    'edited', case when tg_op = 'UPDATE' and old.status::text = 'in progress' and new.status::text = 'in progress' then true end))::text);
  return null;
end;
$$;
comment on function pgjobs.notify_job() is
  'Trigger: tells the daemons to look at a job whose status, run_at, active, priority or pace changed; a hint, never the message itself. edited: it was in progress before, and is.';
