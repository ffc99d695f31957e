-- Reads: retention, callbacks, switch_holds, api_requests, requests, xmp_jobs, task_progress   Writes: nothing
create or replace function pgjobs.retention_lag()
returns table (what text, seconds double precision, trouble text)
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select r.what, greatest(0, coalesce(pgjobs.seconds_between(o.at, pgjobs.now() - case when r.what = 'events' then '0 s' else r.keep end), 0))::double precision,
    r.trouble
  from pgjobs.retention r
  cross join lateral (
    select case r.what
      when 'callbacks' then (select min(c.closed_at) from pgjobs.callbacks c where c.closed_at is not null)
      when 'switch_holds' then (select min(h.ends) from pgjobs.switch_holds h)
      when 'api_requests' then (select min(a.asked_at) from pgjobs.api_requests a)
      when 'requests' then (select min(q.at) from pgjobs.requests q)
      -- What may go of them depends on their jobs: it counts when the next walk should have begun.
      when 'events' then r.next_at
      else (select e.ended_at from pgjobs.next_ended(r, pgjobs.now() - r.keep, 1) e) end as at) o
  where r.keep is not null;
$$;
comment on function pgjobs.retention_lag() is
  'How far each rule of pgjobs.retention is behind: seconds since the oldest of what it has still to clear should have gone; with what keeps it, where something does.';
