-- Reads: switch, daemons   Writes: nothing
create or replace function pgjobs.standstill_reason()
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(pgjobs.held_reason(), case when not exists (select from pgjobs.live_daemons()) then 'no daemon is alive: start one with "pgjobs daemon"' end);
$$;
comment on function pgjobs.standstill_reason() is
  'Why nothing at all moves, and what to do: the kill switch is on, or no daemon is alive; null where neither is so. Until that ends nobody can say when a job will be through.';
