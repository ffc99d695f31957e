-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, holds, switch, holidays   Writes: nothing
create or replace function pgjobs.plan(_job_id bigint)
returns table (begins timestamptz, ends timestamptz, records_per_second numeric, records bigint, why_it_ends text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Plans are kept: with its arguments known a statement is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
declare
  _now timestamptz := pgjobs.now();
  _job public.xmp_jobs;
  _pace record;
  _status record;
  _left numeric;
  _speed numeric;
  _shared numeric;
  _canary numeric;
  _stop timestamptz;
  _begin timestamptz;
  _spread record;
  _spread_until timestamptz;
  _span record;
  _rows integer := 0;
  _ahead interval := '2 days';
  _from timestamptz;
  _to timestamptz;
  _next timestamptz;
  _end timestamptz;
begin
  select * into _job from public.xmp_jobs j where j.id = _job_id;
  if not found or _job.status::text not in ('ready', 'in progress') or not _job.active or pgjobs.held_reason() is not null then
    return;
  end if;
  select * into _pace from pgjobs.pace_of(_job_id);
  -- A dry run publishes nothing, and nothing limits it.
  if _job.params ? 'dry_run' and (pgjobs.read_params(_job.type::text, _job.params)).dry_run then
    _pace.rate := null;
    _pace.type_rate := null;
    _pace.max_backlog := null;
    _pace.stop_at := null;
    _pace.schedule := '{}';
    _pace.budget := '{}';
  end if;
  -- Which zones a job has is known when it has begun.
  if _pace.schedule -> 'local_time' = 'true' and exists (select from pgjobs.shards p where p.job_id = _job_id and p.prepared_at is null) then
    return;
  end if;
  select s.total, s.considered, s.sent, s.returned, nullif(s.records_per_second, 0) as records_per_second, s.started_at
  into _status
  from pgjobs.job_status s where s.id = _job_id;
  -- Further attempts of items are considered as well.
  _left := case when _status.total is not null then greatest(0, _status.total - coalesce(_status.considered, 0)) end;
  -- What is as fast as it can be has no known speed before it runs; the rate of a type is shared by its running jobs.
  _shared := case when _pace.type_rate is not null then _pace.type_rate / greatest(1, (
    select count(*) from public.xmp_jobs j where j.status::text = 'in progress' and j.active and j.type::text = _pace.type)) end;
  -- How fast it fills a queue is not how fast it goes on.
  _speed := case when _pace.max_backlog < _status.total
                 then pgjobs.consumed_rate(_job_id, _pace.max_backlog, (select w.open from pgjobs.window_at(_pace.schedule -> 'window', _now, null, '1 hour') w))
                 else _status.records_per_second end;
  records_per_second := least(_pace.rate, _speed, _shared);
  -- One that has stood still for long waits for its queue, whatever its rate allows.
  if _pace.max_backlog is not null and _speed is null and _job.status::text = 'in progress'
     and (select w.open from pgjobs.window_at(_pace.schedule -> 'window', _now) w)
     and (select max(c.at) from pgjobs.shards p
          cross join lateral (select k.at from pgjobs.checkpoints k where k.job_id = p.job_id and k.shard = p.shard order by k.number desc limit 1) c
          where p.job_id = _job_id)
         < clock_timestamp() - greatest(interval '10 s', make_interval(secs => (3 / _pace.rate)::double precision)) then
    records_per_second := null;
  end if;
  _begin := greatest(_now, case when _job.status::text = 'ready' then pgjobs.utc(_job.run_at) end);
  _stop := least(_pace.stop_at, case when _status.started_at is null then _begin + (_pace.schedule ->> 'stop_after')::interval end);
  if _pace.budget ? 'canary' and not exists (select from pgjobs.holds h where h.job_id = _job_id and h.kind = 'canary' and h.released_at is not null) then
    _canary := greatest(0, (_pace.budget #>> '{canary,first}')::numeric - coalesce(_status.sent + _status.returned, 0));
  end if;
  if _pace.schedule -> 'local_time' = 'true' then
    -- When the records of one zone are through is not known, for it is not known how many they are.
    _left := null;
    records_per_second := null;
  end if;
  if _pace.schedule ? 'scattering' then
    select * into _spread from pgjobs.scatter_time(_pace.schedule, coalesce(_status.started_at, _begin), _stop, _begin);
    if _spread.elapsed < _spread.effective then
      -- What it holds back says nothing about its speed.
      records_per_second := least(_pace.rate, case when _pace.max_backlog is not null then _speed end, _shared);
      if coalesce(_left / (_spread.effective - _spread.elapsed) <= records_per_second, records_per_second is null) then
        records_per_second := round(_left / (_spread.effective - _spread.elapsed), 6);
        _spread_until := _spread.until;
      end if;
    end if;
  end if;
  _from := _begin;
  _end := least(_stop, _begin + interval '400 days');
  -- Most plans end soon: the further ahead, the more days are looked at together.
  while _from < _end loop
    _ahead := 2 * _ahead;
    _to := least(_begin + _ahead, _end);
    _next := _to;
    for _span in
      select lower(s.span) as opens, upper(s.span) as closes
      from (
        -- As long as one of its shards may run.
        select unnest(range_agg(tstzrange(w.opens, w.closes))) as span
        from (select distinct p.zone from pgjobs.shards p where p.job_id = _job_id and p.finished_at is null) z
        cross join lateral pgjobs.window_spans(_pace.schedule -> 'window', _from, _to, z.zone) w) s
      order by opens
    loop
      -- What opens later, in another zone, may belong to it.
      if _span.closes >= _to and _span.closes < 'infinity' and _to < _end then
        _next := greatest(_span.opens, _from);
        exit;
      end if;
      begins := greatest(_span.opens, _begin);
      ends := least(_span.closes, _stop);
      why_it_ends := case when _stop <= _span.closes then 'its stop' when _span.closes < 'infinity' then 'its window closes' end;
      records := null;
      if _spread_until <= ends then
        records := _left;
        _left := 0;
        ends := _spread_until;
        why_it_ends := 'all its records are through';
      elsif _left is not null and records_per_second > 0 then
        records := case when isfinite(ends) then least(_left, floor(extract(epoch from ends - begins) * records_per_second)) else _left end;
        _left := _left - records;
        if _left <= 0 then
          ends := begins + make_interval(secs => least(records / records_per_second, 1e10)::double precision);
          why_it_ends := 'all its records are through';
        end if;
      end if;
      if _canary < coalesce(records, _canary + 1) then
        records := _canary;
        ends := case when records_per_second > 0 then begins + make_interval(secs => least(records / records_per_second, 1e10)::double precision) end;
        why_it_ends := 'its canary is through, and it is held for a look';
      end if;
      _canary := _canary - records;
      ends := nullif(ends, 'infinity');
      return next;
      _rows := _rows + 1;
      if _left <= 0 or _canary <= 0 or _rows = 100 then
        return;
      end if;
      if _span.closes = 'infinity' then
        _next := _end;
      end if;
    end loop;
    _from := _next;
  end loop;
  -- A window that is closed at the stop: what is left is closed then all the same.
  if why_it_ends is distinct from 'its stop' and _stop <= _begin + interval '400 days' then
    begins := greatest(_stop, _begin);
    ends := begins;
    records := 0;
    why_it_ends := 'its stop';
    return next;
  end if;
end;
$$;
comment on function pgjobs.plan(bigint) is
  'When a job would run from now on, and how fast, by its run_at, its windows, its stop, its rate and its backlog: at most the next 100 intervals, up to the one in which all its records, or those of its canary, are through. records_per_second and records are null where nothing limits or has measured its speed; ends is null where nothing ends the interval, or nobody knows when. An interval without length is a stop while the window is closed. A dry run is limited by nothing. Empty for a job that has ended, is paused or held, and before its start for one with local_time; of that it says when the window is open for some of its recipients.';
