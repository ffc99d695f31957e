-- Reads: xmp_jobs, xmp_job_types, daemons   Writes: xmp_jobs (status of a job that is due), shards, uncertain_ranges, postponed_jobs
create or replace function pgjobs.claim_shard(_daemon uuid, _running text[], _autostart boolean, _lease interval)
returns table (
  job_id bigint, shard integer, epoch bigint, type text, exchange text, routing_key text, needs_file boolean,
  file_name text, descending boolean, dry_run boolean, prepared boolean, uncertain_to bigint, log_bytes bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _began timestamptz := clock_timestamp();
  _now timestamptz;
  _alive bigint := greatest(1, (select count(*) from pgjobs.daemons w where w.seen_at > _began - interval '15 seconds'));
  _job bigint;
  _number integer;
  _ready boolean;
  _sqlstate text;
  _message text;
begin
  -- Jobs whose start is refused are passed over; the bounds keep one call short.
  for _attempt in 1 .. 100 loop
    _now := clock_timestamp();
    exit when _now > _began + interval '5 seconds';
    _ready := false;
    select p.job_id, p.shard into _job, _number
    from pgjobs.shards p
    join public.xmp_jobs j on j.id = p.job_id
    where p.finished_at is null
      and j.status::text = 'in progress'
      and (p.owner is null or p.lease_until < _now or p.owner = _daemon)
      and (p.retry_at is null or p.retry_at <= _now)
      and p.job_id || '/' || p.shard <> all (_running)
      and (
        select count(*) filter (where h.owner = _daemon and h.lease_until >= _now and h.shard <> p.shard) * _alive < count(*)
        from pgjobs.shards h where h.job_id = p.job_id)
      and not exists (select from pgjobs.postponed_jobs o where o.job_id = p.job_id and o.retry_at > _now)
    order by p.job_id, p.shard
    limit 1
    for update of p skip locked;

    if not found then
      select j.id, true into _job, _ready
      from public.xmp_jobs j
      where j.status = 'ready' and j.active and (_autostart or j.start_asked) and j.run_at <= pgjobs.now()
        and not exists (
          select from pgjobs.shards p
          where p.job_id = j.id and p.owner is not null and p.lease_until >= _now and p.owner <> _daemon)
        -- Whoever still lets go of one of its shards would be given the same one again.
        and not exists (select from unnest(_running) r (name) where split_part(r.name, '/', 1) = j.id::text)
        and not exists (select from pgjobs.postponed_jobs o where o.job_id = j.id and o.retry_at > _now)
      order by j.run_at, j.id
      limit 1
      for update of j skip locked;
      if not found then
        return;
      end if;
    end if;

    -- Whatever refuses this one job, a trigger or a CHECK of the database's own, keeps none of the others from starting.
    begin
      if _ready then
        _number := pgjobs.begin_job(_job);
      end if;
      if _number is not null then
        return query select * from pgjobs.take_shard(_job, _number, _daemon, _now + _lease);
        return;
      end if;
    exception when others or assert_failure or query_canceled then
      get stacked diagnostics _sqlstate = returned_sqlstate, _message = message_text;
      perform pgjobs.break_off_or_postpone(_job, _sqlstate, _message);
      -- Whoever cancelled it takes nothing any more.
      exit when _sqlstate = '57014';
    end;
  end loop;
end;
$$;
comment on function pgjobs.claim_shard(uuid, text[], boolean, interval) is
  'Takes one shard to run: of a job in progress that nobody holds, else of a job that is due. A job whose start is refused, by whatever trigger or rule, breaks off or is set aside, and the next one is taken. Of the shards of one job a daemon holds no more than its fair share while others live. No row: nothing to do now.';
