-- Reads: nothing   Writes: nothing
create or replace function pgjobs.oldest_callback()
returns timestamptz
language sql
stable
as $$
  select pgjobs.now() - interval '1 day';
$$;
comment on function pgjobs.oldest_callback() is
  'A callback that came up before this moment is not told any more; its last attempt would have been hours ago.';
