-- Reads: xmp_jobs   Writes: events
create or replace function pgjobs.clear_events(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _read bigint;
  _old bigint;
  _last bigint;
  _gone bigint;
begin
  with batch as materialized (
    select e.id, e.job_id, e.at from pgjobs.events e where e.id > _rule.done_id order by e.id limit _most
  ), gone as (
    delete from pgjobs.events e
    where e.id = any (array(
      select b.id from batch b
      where b.at < _until
        and coalesce((select j.status::text = 'done' from public.xmp_jobs j where j.id = b.job_id), true)))
    returning e.id
  )
  select count(*), count(*) filter (where b.at < _until), max(b.id), (select count(*) from gone)
  into _read, _old, _last, _gone
  from batch b;
  _rule.cleared := _rule.cleared + _gone;
  if _read = _most and _old = _read then
    _rule.done_id := _last;
  else
    -- The next walk begins anew, and finds the events of jobs that were not done this time.
    _rule.done_id := 0;
    _rule.next_at := clock_timestamp() + interval '1 day';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_events(pgjobs.retention, timestamptz, bigint) is
  'Clears events from before a moment whose job is done or deleted; walks through the table in the order of the ids, so many at a time. Returns the rule as it is now.';
