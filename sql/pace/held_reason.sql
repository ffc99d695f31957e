-- Reads: switch   Writes: nothing
create or replace function pgjobs.held_reason()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format('everything is held by %s since %s: %s; "pgjobs release" lets it go on', s.role, pgjobs.moment_text(s.at), s.reason) from pgjobs.switch s where s.held;
$$;
comment on function pgjobs.held_reason() is 'Why nothing at all is published while the kill switch is on; null while it is off.';
