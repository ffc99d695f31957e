-- Reads: nothing   Writes: nothing
create or replace function pgjobs.held_priority(_held pgjobs.shards, _since timestamptz)
returns smallint
language sql
immutable
as $$
  select case when _held.claimed_at >= _since then greatest(_held.priority, _held.claimed_priority) else _held.priority end;
$$;
comment on function pgjobs.held_priority(pgjobs.shards, timestamptz) is
  'The priority of a shard that is held: where it was claimed after that moment at least the one that it had reached by waiting, later its own.';
