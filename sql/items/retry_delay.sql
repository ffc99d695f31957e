-- Reads: nothing   Writes: nothing
create or replace function pgjobs.retry_delay(_delay interval, _growth numeric, _attempts integer)
returns interval
language sql
immutable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select case when _growth = 1 or _delay >= interval '1 hour' then _delay
    else make_interval(secs => least(extract(epoch from _delay)::double precision * power(_growth::double precision, least(_attempts, 100) - 1), 3600)) end;
$$;
comment on function pgjobs.retry_delay(interval, numeric, integer) is
  'How long an item waits after so many attempts: each wait is _growth times as long as the one before, up to an hour.';
