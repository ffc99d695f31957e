-- Reads: nothing   Writes: nothing
create or replace function pgjobs.gives_way(_held pgjobs.shards, _job_id bigint, _priority smallint, _level integer, _since timestamptz)
returns boolean
language sql
immutable
as $$
  select _priority > pgjobs.held_priority(_held, _since)
    or _level >= _held.priority and _held.job_id <> _job_id and _held.prepared_at is not null and _held.claimed_at < _since;
$$;
comment on function pgjobs.gives_way(pgjobs.shards, bigint, smallint, integer, timestamptz) is
  'Whether a shard that is held gives its place up to a due one of that job, with that priority, aged to that level: at once where the other one''s own priority is higher than its level; otherwise if it was claimed before that moment, and the other one is of another job and has at least its priority. So what ageing has brought to a place keeps it for a turn, and no two shards throw each other out in a circle.';
