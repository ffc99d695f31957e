-- Reads: nothing   Writes: switch, switch_holds (sends NOTIFY pgjobs)
create or replace function pgjobs.hold_all(_reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := pgjobs.now();
begin
  if coalesce(_reason, '') !~ '[^[:space:]]' then
    perform pgjobs.refuse('PJ400', 'bad_reason', 'reason', 'reason: it is empty', 'say why everything is held: people will read it', 'pgjobs.switch');
  end if;
  update pgjobs.switch s set held = true, reason = left(_reason, 1000), role = session_user, at = _now;
  update pgjobs.switch_holds h set ends = _now where h.ends is null;
  insert into pgjobs.switch_holds (begins, reason, role) values (_now, left(_reason, 1000), session_user);
  perform pg_notify('pgjobs', '{}');
end;
$$;
comment on function pgjobs.hold_all(text) is
  'The kill switch: from the next window on no job publishes anything, and none begins, until release_all(). Everything goes on then where it was.';
