-- Reads: holidays   Writes: nothing
create or replace function pgjobs.wait_for_window(_schedule jsonb, _stop_at timestamptz, _now timestamptz, _zone text default null)
returns table (pause interval, reason text, valid interval)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _open boolean;
  _until timestamptz;
begin
  if _schedule ? 'window' then
    -- Asked again long before an hour is over.
    select w.open, w.until into _open, _until from pgjobs.window_at(_schedule -> 'window', _now, _zone, interval '1 hour') w;
    if not _open then
      if _until is null then
        select w.until into _until from pgjobs.window_at(_schedule -> 'window', _now, _zone) w;
      end if;
      pause := coalesce(least(_until, _stop_at), _now + interval '400 days') - _now;
      reason := case when _stop_at <= coalesce(_until, 'infinity') then 'its window does not open before its end'
                     when _until is null then 'its window does not open for 400 days: give it other days'
                     else 'its window is closed until ' || pgjobs.moment_text(_until) end || coalesce(' for recipients in ' || _zone, '');
    end if;
  end if;
  valid := least(_until, _stop_at) - _now;
  return next;
end;
$$;
comment on function pgjobs.wait_for_window(jsonb, timestamptz, timestamptz, text) is
  'How long a job has to wait for its window (null: it is open), and why; for how long what is granted now stays right (null: without an end). _zone: the one of its recipients, where their local time counts.';
