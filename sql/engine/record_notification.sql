-- Reads: nothing   Writes: notifications, notification_attempts
create or replace function pgjobs.record_notification(
  _id bigint, _attempt integer, _url text, _http_status integer, _error text, _milliseconds integer, _max_attempts integer)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.notification_attempts (notification_id, attempt, at, url, http_status, error, milliseconds)
  values (_id, _attempt, pgjobs.now(), _url, _http_status, _error, _milliseconds);
  update pgjobs.notifications n
  set answer = coalesce(_http_status::text, _error),
      closed_at = case when _http_status between 200 and 299 or _attempt >= _max_attempts then pgjobs.now() end,
      due_at = pgjobs.now() + least(interval '1 hour', interval '2 s' * power(2, least(_attempt, 20)))
  where n.id = _id;
$$;
comment on function pgjobs.record_notification(bigint, integer, text, integer, text, integer, integer) is
  'Notes one attempt to tell the CMS; closes the notification on a 2xx answer or the last attempt, else sets when to try again.';
