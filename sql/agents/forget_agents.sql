-- Reads: nothing   Writes: agents
create or replace function pgjobs.forget_agents()
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from pgjobs.agents a where a.seen_at < clock_timestamp() - interval '1 day' and a.about is null;
$$;
comment on function pgjobs.forget_agents() is
  'Forgets agents that have been silent for a day; those with a responsibility stay.';
