-- Reads: shards   Writes: nothing
create or replace function pgjobs.first_due(_autostart boolean)
returns table (priority smallint, due_at timestamptz)
language plpgsql
stable
rows 11
set search_path = pg_catalog, pg_temp
as $$
begin
  -- From one priority to the next by the index: how many more wait or are due later costs nothing. Each index has its query.
  if _autostart then
    return query
    with recursive levels (priority, due_at) as (
      (select p.priority, p.due_at from pgjobs.shards p
       where p.owner is null and p.finished_at is null and p.due_at is not null
       order by p.priority desc, p.due_at limit 1)
      union all
      select n.priority, n.due_at
      from levels l
      cross join lateral (
        select p.priority, p.due_at from pgjobs.shards p
        where p.owner is null and p.finished_at is null and p.due_at is not null and p.priority < l.priority
        order by p.priority desc, p.due_at limit 1) n
    )
    select l.priority, l.due_at from levels l;
  else
    return query
    with recursive levels (priority, due_at) as (
      (select p.priority, p.due_at from pgjobs.shards p
       where p.owner is null and p.finished_at is null and p.due_at is not null and p.asked
       order by p.priority desc, p.due_at limit 1)
      union all
      select n.priority, n.due_at
      from levels l
      cross join lateral (
        select p.priority, p.due_at from pgjobs.shards p
        where p.owner is null and p.finished_at is null and p.due_at is not null and p.asked and p.priority < l.priority
        order by p.priority desc, p.due_at limit 1) n
    )
    select l.priority, l.due_at from levels l;
  end if;
end;
$$;
comment on function pgjobs.first_due(boolean) is
  'The priorities of the shards that wait for a place or for their due time, each with the first due time: of its shards that one has waited longest, so it has aged most. Without autostart: of those alone that were asked for.';
