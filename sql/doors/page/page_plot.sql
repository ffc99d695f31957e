-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, holds, switch_holds, uncertain_ranges   Writes: nothing
create or replace function pgjobs.page_plot(_id bigint, _points integer default 150)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  -- So many checkpoints are looked at, however many there are.
  _most constant integer := 3000;
  _job public.xmp_jobs;
  _shards record;
  _bands jsonb;
  _still tstzmultirange;
  _drawn jsonb;
  _dry boolean;
begin
  perform pgjobs.need_job(_id);
  if _points is null or _points not between 1 and 300 then
    perform pgjobs.refuse('PJ400', 'bad_points', 'points', format('points: %s is out of range', coalesce(_points::text, 'null')), 'give a number from 1 to 300');
  end if;
  select * into _job from public.xmp_jobs j where j.id = _id;
  _dry := _job.params ? 'dry_run' and coalesce((pgjobs.read_params(_job.type::text, _job.params)).dry_run, false);
  select min(p.started_at) as started_at, sum(p.checkpoints) as checkpoints, sum(p.checkpoints_cleared) as cleared,
    sum(p.considered) as considered, sum(p.sent) as sent
  into _shards
  from pgjobs.shards p where p.job_id = _id;
  if _shards.started_at is null or coalesce(_shards.checkpoints, 0) < 2 or _shards.cleared > 0 then
    return jsonb_build_object(
      'state', case when _shards.started_at is null then 'not begun' when _shards.cleared > 0 then 'cleared'
                    when _shards.checkpoints = 1 then 'one checkpoint' else 'no checkpoint' end,
      'dry_run', _dry, 'checkpoints', coalesce(_shards.checkpoints, 0), 'records', coalesce(_shards.considered, 0),
      'over', _job.finish_at is not null);
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('kind', b.kind, 'from', b.begins, 'to', b.ends, 'reason', b.reason, 'by', b.by_whom) order by b.begins), '[]'),
    range_agg(tstzrange(b.begins, b.ends))
  into _bands, _still
  from pgjobs.job_bands(_id) b;

  with samples as materialized (
    select s.* from pgjobs.checkpoint_samples(_id, _most) s
  ), life as (
    select l.begins, l.checkpoints, l.looked_at,
      greatest(1, least(_points, greatest(l.looked_at / 2, ceil(pgjobs.seconds_between(l.begins, l.ends))))) as pieces,
      -- What has no length can't be divided.
      greatest(0.001, pgjobs.seconds_between(l.begins, l.ends)) as seconds
    from (
      select least(_shards.started_at, min(s.at)) as begins, _shards.checkpoints as checkpoints, count(*) as looked_at,
        greatest(max(s.at), coalesce(pgjobs.utc(_job.finish_at), pgjobs.now())) as ends
      from samples s) l
  ), grid as (
    select i, l.begins + make_interval(secs => (l.seconds * i / l.pieces)::double precision) as at, l.seconds / l.pieces as seconds
    from life l cross join generate_series(0, l.pieces - 1) i
  ), timed as (
    -- The records of a window were sent shortly before its checkpoint. One of many stands for all since the one before it.
    select s.records, s.sent, s.at,
      greatest(lag(s.at) over (partition by s.shard order by s.number),
        case when l.looked_at = l.checkpoints then s.at - make_interval(secs => (coalesce(s.confirm_ms, 0) + 300) / 1000.0::double precision)
             else l.begins end, l.begins) as since
    from samples s cross join life l
  ), ended as (
    -- What was in flight when it was paused was sent before.
    select t.records, t.sent, m.at, m.at - (t.at - t.since) as since
    from timed t
    cross join lateral (
      select case when _still @> t.at then (select lower(r) from unnest(_still) r where r @> t.at) else t.at end as at) m
  ), begun as (
    select e.records, e.sent, greatest(0, pgjobs.seconds_between(l.begins, e.at)) * l.pieces / l.seconds as upto,
      pgjobs.seconds_between(l.begins, least(e.at, case when _still && tstzrange(least(e.since, e.at), e.at) then
        greatest(e.since, (select max(upper(r)) from unnest(_still) r where upper(r) <= e.at)) else e.since end)) * l.pieces / l.seconds as since
    from ended e cross join life l
  ), shared as (
    select b.records, b.sent, x.i,
      case when x.i >= l.pieces - 1 or b.upto <= x.i + 1 then 1 else (x.i + 1 - greatest(0, b.since)) / (b.upto - greatest(0, b.since)) end as upto,
      case when x.i <= greatest(0, b.since) or x.i = f.first then 0 else (x.i - greatest(0, b.since)) / (b.upto - greatest(0, b.since)) end as since
    from begun b cross join life l
    cross join lateral (select least(l.pieces - 1, floor(greatest(0, b.since))) as first) f
    cross join lateral generate_series(f.first, greatest(f.first, least(l.pieces - 1, ceil(b.upto) - 1))) x (i)
  ), counted as (
    select h.i, sum(round(h.records * h.upto) - round(h.records * h.since)) as records, sum(round(h.sent * h.upto) - round(h.sent * h.since)) as sent
    from shared h group by h.i
  ), found as (
    select least(l.pieces - 1, floor(pgjobs.seconds_between(l.begins, s.at) * l.pieces / l.seconds)) as i,
      percentile_disc(0.5) within group (order by s.confirm_ms) as confirm_ms, max(s.confirm_ms) as confirm_most, max(s.backlog) as backlog
    from samples s cross join life l
    group by 1
  ), points as (
    select g.i, g.at, g.seconds, coalesce(c.records, 0) as records, coalesce(c.sent, 0) as sent, f.confirm_ms, f.confirm_most, f.backlog,
      -- Where it stood still it was not slow.
      g.seconds - coalesce((
        select sum(pgjobs.seconds_between(lower(r), upper(r)))
        from unnest(_still * tstzmultirange(tstzrange(g.at, g.at + make_interval(secs => g.seconds::double precision)))) r), 0) as moving
    from grid g
    left join found f on f.i = g.i
    left join counted c on c.i = g.i
  ), rated as (
    select p.*, trim_scale(round(p.sent / d.seconds, 3)) as rate, trim_scale(round((p.records - p.sent) / d.seconds, 3)) as unsent
    from points p
    cross join lateral (select case when p.moving > p.seconds / 100 then p.moving else p.seconds end as seconds) d
  )
  select jsonb_build_object(
    'state', 'drawn', 'dry_run', _dry, 'over', _job.finish_at is not null,
    'from', l.begins, 'to', l.begins + make_interval(secs => l.seconds::double precision), 'seconds', trim_scale(round(l.seconds / l.pieces, 3)),
    'checkpoints', l.checkpoints, 'looked_at', l.looked_at, 'records', _shards.considered, 'sent', _shards.sent,
    'bands', _bands,
    'points', (
      select jsonb_agg(jsonb_build_object('at', r.at, 'records', r.records, 'sent', r.sent, 'rate', r.rate, 'unsent', r.unsent,
        'confirm_ms', r.confirm_ms, 'confirm_most', r.confirm_most, 'backlog', r.backlog) order by r.i) from rated r),
    'rate', (
      select jsonb_build_object('mean', (select v.average from pgjobs.job_speeds(_id) v), 'peak', max(r.rate),
        'p50', percentile_disc(0.5) within group (order by r.rate) filter (where r.sent > 0),
        'p95', percentile_disc(0.95) within group (order by r.rate) filter (where r.sent > 0)) from rated r),
    'confirm', (
      select jsonb_build_object('windows', count(s.confirm_ms), 'p50', percentile_disc(0.5) within group (order by s.confirm_ms),
        'p95', percentile_disc(0.95) within group (order by s.confirm_ms), 'p99', percentile_disc(0.99) within group (order by s.confirm_ms),
        'most', max(s.confirm_ms)) from samples s),
    'backlog', (select max(s.backlog) from samples s))
  into _drawn
  from life l;
  return _drawn;
end;
$$;
comment on function pgjobs.page_plot(bigint, integer) is
  'The life of a job in at most so many equal pieces of time (300), from its checkpoints: records that were accounted for in each, how many of them were sent (rate) and were not (unsent) per second of the time in which it did not stand still, how long confirms took (the middle and the longest, in milliseconds), the longest backlog; and when it stood still. At most 3,000 checkpoints are read, and one more for each shard: of more of them every nth, and looked_at says how many. The records of a checkpoint lie in the time of its window: at most 300 ms longer than its confirms took. mean is that of job_speeds(). The records of all pieces add up to those of the job. state: drawn, or why there is nothing to draw: not begun, no checkpoint, one checkpoint, cleared. Refuses (PJ404) when there is no such job, and points outside 1 to 300.';
