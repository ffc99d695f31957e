-- Reads: notifications   Writes: nothing
create or replace function pgjobs.next_notification()
returns double precision
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, extract(epoch from min(n.due_at) - pgjobs.now()))::double precision
  from pgjobs.notifications n
  where n.closed_at is null;
$$;
comment on function pgjobs.next_notification() is 'Seconds until the next notification falls due; null when none is open.';
