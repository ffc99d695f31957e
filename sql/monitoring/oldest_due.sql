-- Reads: shards, switch, daemons   Writes: nothing
create or replace function pgjobs.oldest_due()
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select min(f.due_at)
  from pgjobs.first_due(coalesce((select bool_or(w.autostart) from pgjobs.live_daemons() w), true)) f
  where f.due_at <= pgjobs.now() and not exists (select from pgjobs.switch s where s.held);
$$;
comment on function pgjobs.oldest_due() is
  'Since when the shard that has waited longest is due and no daemon takes it; null where none is due, or all jobs are held. Without autostart those alone count that were asked for.';
