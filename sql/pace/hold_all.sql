-- Reads: nothing   Writes: switch (sends NOTIFY pgjobs)
create or replace function pgjobs.hold_all(_reason text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(_reason, '') !~ '[^[:space:]]' then
    perform pgjobs.refuse('PJ400', 'bad_reason', 'reason', 'reason: it is empty', 'say why everything is held: people will read it', 'pgjobs.switch');
  end if;
  update pgjobs.switch s set held = true, reason = left(_reason, 1000), role = session_user, at = pgjobs.now();
  perform pg_notify('pgjobs', '{}');
end;
$$;
comment on function pgjobs.hold_all(text) is
  'The kill switch: from the next window on no job publishes anything, and none begins, until release_all(). Everything goes on then where it was.';
