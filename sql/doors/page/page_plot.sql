-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, switch   Writes: nothing
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
      greatest(1, least(_points, l.looked_at / 2)) as pieces,
      -- What has no length can't be divided.
      greatest(0.001, pgjobs.seconds_between(l.begins, l.ends)) as seconds
    from (
      select least(_shards.started_at, min(s.at)) as begins, _shards.checkpoints as checkpoints, count(*) as looked_at,
        greatest(max(s.at), coalesce(pgjobs.utc(_job.finish_at), pgjobs.now())) as ends
      from samples s) l
  ), grid as (
    select i, l.begins + make_interval(secs => (l.seconds * i / l.pieces)::double precision) as at, l.seconds / l.pieces as seconds
    from life l cross join generate_series(0, l.pieces - 1) i
  ), found as (
    select least(l.pieces - 1, floor(pgjobs.seconds_between(l.begins, s.at) * l.pieces / l.seconds)) as i,
      sum(s.records) as records, sum(s.sent) as sent,
      percentile_disc(0.5) within group (order by s.confirm_ms) as confirm_ms, max(s.confirm_ms) as confirm_most, max(s.backlog) as backlog
    from samples s cross join life l
    group by 1
  ), points as (
    select g.i, g.at, g.seconds, coalesce(f.records, 0) as records, coalesce(f.sent, 0) as sent, f.confirm_ms, f.confirm_most, f.backlog,
      -- Where it stood still it was not slow.
      g.seconds - coalesce((
        select sum(pgjobs.seconds_between(lower(r), upper(r)))
        from unnest(_still * tstzmultirange(tstzrange(g.at, g.at + make_interval(secs => g.seconds::double precision)))) r), 0) as moving
    from grid g
    left join found f on f.i = g.i
  ), rated as (
    select p.*, trim_scale(round(p.records / case when p.moving > p.seconds / 100 then p.moving else p.seconds end, 3)) as rate
    from points p
  )
  select jsonb_build_object(
    'state', 'drawn', 'dry_run', _dry, 'over', _job.finish_at is not null,
    'from', l.begins, 'to', l.begins + make_interval(secs => l.seconds::double precision), 'seconds', trim_scale(round(l.seconds / l.pieces, 3)),
    'checkpoints', l.checkpoints, 'looked_at', l.looked_at, 'records', _shards.considered, 'sent', _shards.sent,
    'bands', _bands,
    'points', (
      select jsonb_agg(jsonb_build_object('at', r.at, 'records', r.records, 'sent', r.sent, 'rate', r.rate,
        'confirm_ms', r.confirm_ms, 'confirm_most', r.confirm_most, 'backlog', r.backlog) order by r.i) from rated r),
    'rate', (
      select jsonb_build_object('mean', trim_scale(round(_shards.considered / greatest(sum(r.moving), 0.001), 3)), 'peak', max(r.rate),
        'p50', percentile_disc(0.5) within group (order by r.rate) filter (where r.records > 0),
        'p95', percentile_disc(0.95) within group (order by r.rate) filter (where r.records > 0)) from rated r),
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
  'The life of a job in at most so many equal pieces of time (300), from its checkpoints: records that were accounted for in each, how many per second of the time in which it did not stand still, how long confirms took (the middle and the longest, in milliseconds), the longest backlog; and when it stood still. At most 3,000 checkpoints are read, and one more for each shard: of more of them every nth, and looked_at says how many. The records of all pieces add up to those of the job. state: drawn, or why there is nothing to draw: not begun, no checkpoint, one checkpoint, cleared. Refuses (PJ404) when there is no such job, and points outside 1 to 300.';
