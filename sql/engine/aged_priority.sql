-- Reads: nothing   Writes: nothing
create or replace function pgjobs.aged_priority(_priority smallint, _due_at timestamptz, _now timestamptz)
returns integer
language sql
immutable
as $$
  select least(10, case
    when _due_at is null or _due_at >= _now then _priority
    when isfinite(_due_at) then _priority + floor(extract(epoch from _now - _due_at) / 60)
    else 10 end)::integer;
$$;
comment on function pgjobs.aged_priority(smallint, timestamptz, timestamptz) is
  'The priority that a shard has reached which waits for a place: its own, and one level more for each whole minute since it fell due, 10 at most.';
