-- Reads: holidays   Writes: nothing
create or replace function pgjobs.scatter_time(
  _schedule jsonb, _started timestamptz, _stop timestamptz, _now timestamptz,
  out effective numeric, out elapsed numeric, out until timestamptz)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with spans as (
    select greatest(w.opens, _started) as opens, extract(epoch from least(w.closes, _stop) - greatest(w.opens, _started)) as seconds
    from pgjobs.window_spans(_schedule -> 'window', _started, _stop) w
  ), sums as (
    select s.*, sum(s.seconds) over (order by s.opens) - s.seconds as before from spans s
  ), spread as (
    -- What is late when the stop comes would be lost: a little time before it stays free.
    select least(o.seconds * (_schedule #>> '{scattering,max_spread}')::numeric / 100, o.seconds - least(30, o.seconds / 20)) as seconds
    from (select coalesce(sum(s.seconds), 0) as seconds from spans s) o
  )
  select e.seconds,
    (select coalesce(sum(greatest(0, least(s.seconds, extract(epoch from _now - s.opens)))), 0) from spans s),
    (select s.opens + make_interval(secs => (e.seconds - s.before)::double precision)
     from sums s where s.before < e.seconds order by s.opens desc limit 1)
  from spread e;
$$;
comment on function pgjobs.scatter_time(jsonb, timestamptz, timestamptz, timestamptz) is
  'The time over which a job is spread, in seconds during which its window is open: how much there is between its first start and its stop, by schedule.scattering.max_spread; how much of the time since the start is over; and when the spread ends. It ends 30 s of open time before the stop (a twentieth of a shorter time), or earlier.';
