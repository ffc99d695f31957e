-- Reads: xmp_jobs, and what plan, why and job_remark read   Writes: nothing
create or replace function pgjobs.page_plan(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Plans are kept: with its arguments known a statement is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
declare
  _most_days constant integer := 14;
  _schedule jsonb;
  _window jsonb;
  _zone text;
  _shown text;
  _planned record;
  _days jsonb;
  _ticks jsonb;
  _until timestamptz;
  _over boolean;
begin
  perform pgjobs.need_job(_id);
  select p.schedule into _schedule from pgjobs.pace_of(_id) p;
  _window := case jsonb_typeof(_schedule -> 'window') when 'array' then _schedule -> 'window' -> 0 else _schedule -> 'window' end;
  -- Of each recipient another one: it is told in UTC then.
  if _schedule -> 'local_time' is distinct from 'true' and _window is not null then
    _zone := (pgjobs.read_window(_window)).zone;
    _shown := coalesce(_window ->> 'zone', nullif(substring(_window ->> 'start' from '(?:Z|[+-][0-9:]+)$'), 'Z'), 'UTC');
  end if;
  _zone := coalesce(_zone, 'UTC');
  _over := (select j.finish_at is not null from public.xmp_jobs j where j.id = _id);
  select min(p.begins) as begins, max(greatest(p.ends, p.begins)) as ends, bool_or(p.ends is null) as open,
    jsonb_agg(jsonb_build_object(
      'begins', p.begins, 'ends', p.ends, 'begins_local', to_char(p.begins at time zone _zone, 'Dy YYYY-MM-DD HH24:MI:SS'),
      'ends_local', to_char(p.ends at time zone _zone, 'Dy YYYY-MM-DD HH24:MI:SS'),
      'seconds', trim_scale(pgjobs.seconds_between(p.begins, p.ends)), 'rate', trim_scale(p.records_per_second), 'records', p.records, 'why', p.why_it_ends)
      order by p.begins) as intervals
  into _planned
  from pgjobs.plan(_id) p;
  if _planned.begins is null then
    return jsonb_build_object('zone', coalesce(_shown, 'UTC'), 'over', _over, 'intervals', '[]'::jsonb,
      'why', case when not _over then pgjobs.why(_id) end);
  end if;
  -- An interval without an end is drawn for an hour.
  _until := greatest(_planned.ends, _planned.begins + interval '1 minute', case when _planned.open then _planned.begins + interval '1 hour' end);
  select jsonb_agg(jsonb_build_object('day', to_char(d.day, 'Dy YYYY-MM-DD'), 'begins', d.begins, 'ends', d.ends,
           'hours', trim_scale(round(pgjobs.seconds_between(d.begins, d.ends) / 3600, 2))) order by d.begins),
    least(_until, max(d.ends))
  into _days, _until
  from (
    select g::date as day, g at time zone _zone as begins, (g + interval '1 day') at time zone _zone as ends
    from generate_series(
      date_trunc('day', _planned.begins at time zone _zone), least(_until, _planned.begins + _most_days * interval '1 day') at time zone _zone,
      interval '1 day') g
    limit _most_days) d
  where d.begins < _until;
  -- Hours by the clock of the zone, each told by the moment that it is: one that the clock leaves out is none.
  select coalesce(jsonb_agg(jsonb_build_object('at', t.at, 'clock', to_char(t.at at time zone _zone, 'HH24:MI')) order by t.at), '[]')
  into _ticks
  from (
    select distinct g at time zone _zone as at
    from generate_series(date_trunc('day', _planned.begins at time zone _zone), _until at time zone _zone,
      case when _until - _planned.begins <= interval '10 minutes' then interval '1 minute'
           when _until - _planned.begins <= interval '2 hours' then interval '15 minutes'
           when _until - _planned.begins <= interval '10 hours' then interval '1 hour'
           when _until - _planned.begins <= interval '36 hours' then interval '3 hours'
           else interval '12 hours' end) g) t
  where t.at between _planned.begins and _until and _until - _planned.begins <= interval '5 days';
  return jsonb_build_object('zone', coalesce(_shown, 'UTC'), 'over', _over, 'why', null, 'standstill', pgjobs.standstill_reason(),
    'remark', pgjobs.job_remark(_id), 'from', _planned.begins, 'to', _until,
    'days', _days, 'ticks', _ticks, 'intervals', _planned.intervals);
end;
$$;
comment on function pgjobs.page_plan(bigint) is
  'What pgjobs.plan() says of a job, for a timeline: its intervals, also by the clock of the zone of its window, and the days of this zone that are to be drawn, at most 14, each with its real length: one on which the clock is changed has 23 or 25 hours; and, for a short time, the hours of its clock. why: why there is no plan; standstill: why nothing moves at all now, so that it begins later; remark: which limits of it have no effect. Refuses (PJ404) when there is no such job.';
