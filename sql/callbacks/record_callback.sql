-- Reads: nothing   Writes: callbacks, callback_attempts
create or replace function pgjobs.record_callback(
  _id bigint, _attempt integer, _url text, _http_status integer, _error text, _milliseconds integer, _max_attempts integer,
  _retry_after integer default null)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- The job, and all that was kept of it, may have been deleted meanwhile.
  insert into pgjobs.callback_attempts (callback_id, attempt, at, url, http_status, error, milliseconds)
  select n.id, _attempt, pgjobs.now(), _url, _http_status, _error, _milliseconds
  from pgjobs.callbacks n where n.id = _id
  on conflict do nothing;
  update pgjobs.callbacks n
  set in_flight_until = case when n.attempts > _attempt then n.in_flight_until end,
      answer = case when n.closed_at is null then coalesce(_http_status::text, _error) else n.answer end,
      closed_at = case when n.closed_at is not null then n.closed_at
                       when _http_status between 200 and 299 or _attempt >= _max_attempts then pgjobs.now() end,
      due_at = case when n.attempts > _attempt then n.due_at
                    else pgjobs.now() + greatest(
                      least(interval '1 hour', interval '2 s' * power(2, least(_attempt, 20))),
                      -- Who is called may ask for a longer pause, and no other than one of the usual ones.
                      least(interval '1 hour', make_interval(secs => coalesce(_retry_after, 0)))) end
  where n.id = _id;
$$;
comment on function pgjobs.record_callback(bigint, integer, text, integer, text, integer, integer, integer) is
  'Notes one attempt to tell of an end; closes the callback on a 2xx answer or the last attempt, else sets when to try again: after 4 s, 8 s and so on, an hour at most, and not before the seconds that the answer asks for (_retry_after), an hour at most. One that was closed meanwhile stays closed.';
