-- Reads: nothing   Writes: callback_state, callbacks
create or replace function pgjobs.announce_callbacks(_wanted boolean, _hosts text[] default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := clock_timestamp();
begin
  insert into pgjobs.callback_state as s (wanted, seen_at, hosts)
  values (_wanted, _now, _hosts)
  on conflict (singleton) do update
  set wanted = excluded.wanted, seen_at = excluded.seen_at, hosts = coalesce(_hosts, s.hosts)
  -- A daemon without an address does not speak for the others before they have been silent for a while.
  where excluded.wanted or s.seen_at < _now - interval '10 minutes';
  update pgjobs.callback_state s set hosts = _hosts where s.hosts is distinct from _hosts and _hosts is not null;
  if not _wanted then
    update pgjobs.callbacks n set closed_at = pgjobs.now(), answer = 'no address'
    where n.closed_at is null and n.host = '' and not exists (select from pgjobs.callback_state s where s.wanted);
  end if;
end;
$$;
comment on function pgjobs.announce_callbacks(boolean, text[]) is
  'A daemon says whether it has a callback address, at its start and once a minute. Ten minutes after the last one that has, nothing is kept any more for jobs without an address of their own, and what was kept is closed. _hosts: whom jobs may name, see callback_fault(); the last daemon that said so counts.';
