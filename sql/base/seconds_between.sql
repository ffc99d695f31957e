-- Reads: nothing   Writes: nothing
create or replace function pgjobs.seconds_between(_from timestamptz, _to timestamptz)
returns numeric
language sql
stable
as $$
  select case when isfinite(_from) and isfinite(_to) then extract(epoch from _to) - extract(epoch from _from) end;
$$;
comment on function pgjobs.seconds_between(timestamptz, timestamptz) is
  'Seconds from one moment to another, however far they lie apart; null where one of them is no moment.';
