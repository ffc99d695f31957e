-- Reads: nothing   Writes: switch (sends NOTIFY pgjobs)
create or replace function pgjobs.release_all()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.switch s set held = false, reason = null, role = session_user, at = pgjobs.now();
  perform pg_notify('pgjobs', '{}');
end;
$$;
comment on function pgjobs.release_all() is 'Undoes hold_all(): every job goes on where it was.';
