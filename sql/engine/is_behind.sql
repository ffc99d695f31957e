-- Reads: nothing   Writes: nothing
create or replace function pgjobs.is_behind(_level integer)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from pgjobs.first_due(true) f
    where f.due_at <= pgjobs.now() and pgjobs.aged_priority(f.priority, f.due_at, pgjobs.now()) > _level);
$$;
comment on function pgjobs.is_behind(integer) is
  'Whether shards are due and wait for a place whose priority, aged by their waiting, is higher than this one.';
