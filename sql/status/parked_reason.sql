-- Reads: shards, and what items_awaited reads   Writes: nothing
create or replace function pgjobs.parked_reason(_shard pgjobs.shards)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select _shard.note || case
    -- Counted now, for answers come in while it is parked.
    when _shard.round_over and _shard.note = 'everything is sent' then
      ': ' || pgjobs.items_awaited(_shard.job_id)
    when _shard.failures > 0 then '; tried again ' || m.moment
    -- The reason says it already.
    when _shard.note like '%it goes on%' or _shard.due_at > pgjobs.now() and strpos(_shard.note, pgjobs.moment_text(_shard.due_at)) > 0 then ''
    when _shard.due_at >= (select p.stop_at from pgjobs.pace_of(_shard.job_id) p) then '; what is left is closed ' || m.moment
    else '; it goes on ' || m.moment
  end
  from (
    select case when _shard.due_at > pgjobs.now() then 'at ' || pgjobs.moment_text(_shard.due_at)
                else 'as soon as a daemon has a free place' end) m (moment)
  where _shard.owner is null and _shard.note is not null;
$$;
comment on function pgjobs.parked_reason(pgjobs.shards) is
  'Why a shard is parked or set aside, and when it goes on; null where it has no reason of its own to wait.';
