-- Reads: holidays   Writes: nothing
create or replace function pgjobs.window_leap(_parts pgjobs.window_parts[], _at timestamptz)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select max(coalesce(pgjobs.instant(h.day::timestamp, w.zone, false), 'infinity'))
  from (
    select p.zone, array_agg(distinct p.holidays) as calendars
    from unnest(_parts) p
    -- Monday is 0; the window of the Sunday before may reach into it.
    cross join generate_series(-1, 6) d (day)
    cross join lateral (
      select d.day * 86400 + extract(epoch from p.start)::integer as opens,
             extract(epoch from p.stop - p.start)::integer + case when p.stop <= p.start then 86400 else 0 end as seconds) s
    where p.days & (1 << (d.day + 7) % 7) <> 0
    group by p.zone
    having range_agg(int4range(s.opens, s.opens + s.seconds)) @> int4range(0, 7 * 86400)) w
  -- A window of yesterday may reach into today, and a clock that is put back shows yesterday once more.
  cross join lateral (
    select min(o.day) as day from pgjobs.holidays o
    where o.calendar = any (w.calendars) and o.day >= (_at at time zone w.zone)::date - 2) h
  where coalesce(h.day > (_at at time zone w.zone)::date + 1, true)
$$;
comment on function pgjobs.window_leap(pgjobs.window_parts[], timestamptz) is
  'Until when the windows are open without a break from this moment on, where those of one zone leave no time of the week out: until the next holiday of one of them begins (infinity: there is none). Null: that does not say, for a time is left out, or such a holiday is near.';
