-- Reads: the session setting pgjobs.now   Writes: nothing
create or replace function pgjobs.now()
returns timestamptz
language sql
stable
as $$
  select coalesce(nullif(current_setting('pgjobs.now', true), '')::timestamptz, clock_timestamp());
$$;
comment on function pgjobs.now() is
  'The time by which schedules are judged; the session setting pgjobs.now replaces it in tests. Leases never use it.';
