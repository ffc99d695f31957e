-- Reads: nothing   Writes: switch, switch_holds (sends NOTIFY pgjobs)
create or replace function pgjobs.release_all()
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := pgjobs.now();
begin
  update pgjobs.switch s set held = false, reason = null, role = session_user, at = _now;
  update pgjobs.switch_holds h set ends = _now where h.ends is null;
  perform pg_notify('pgjobs', '{}');
end;
$$;
comment on function pgjobs.release_all() is 'Undoes hold_all(): every job goes on where it was.';
