-- Reads: shards   Writes: nothing
create or replace function pgjobs.is_behind(_priority smallint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- From one priority to the next by the index, and of each the first one: how many are due later costs nothing.
  with recursive levels (priority) as (
    (select p.priority from pgjobs.shards p
     where p.owner is null and p.finished_at is null and p.due_at is not null and p.priority > _priority
     order by p.priority desc limit 1)
    union all
    select (
      select p.priority from pgjobs.shards p
      where p.owner is null and p.finished_at is null and p.due_at is not null and p.priority > _priority and p.priority < l.priority
      order by p.priority desc limit 1)
    from levels l where l.priority is not null
  )
  select exists (
    select from levels l
    where (
      select p.due_at from pgjobs.shards p
      where p.owner is null and p.finished_at is null and p.due_at is not null and p.priority = l.priority
      order by p.due_at limit 1) <= pgjobs.now());
$$;
comment on function pgjobs.is_behind(smallint) is 'Whether shards of a higher priority than this one are due and wait for a place.';
