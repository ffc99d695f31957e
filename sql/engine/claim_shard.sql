-- Reads: xmp_jobs, xmp_job_types, workers   Writes: xmp_jobs (status of a job that is due), progress, uncertain_ranges
create or replace function pgjobs.claim_shard(_worker uuid, _running text[], _autostart boolean, _lease interval)
returns table (
  job_id bigint, shard integer, epoch bigint, type text, exchange text, routing_key text, needs_file boolean,
  file_name text, descending boolean, dry_run boolean, prepared boolean, uncertain_to bigint, log_bytes bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _now timestamptz := clock_timestamp();
  _claimed pgjobs.progress;
  _was pgjobs.progress;
  _alive bigint := greatest(1, (select count(*) from pgjobs.workers w where w.seen_at > _now - interval '15 seconds'));
  _due bigint;
  _descending boolean;
begin
  select p.* into _was
  from pgjobs.progress p
  join public.xmp_jobs j on j.id = p.job_id
  where p.finished_at is null
    and j.status::text = 'in progress'
    and (p.owner is null or p.lease_until < _now or p.owner = _worker)
    and (p.retry_at is null or p.retry_at <= _now)
    and p.job_id || '/' || p.shard <> all (_running)
    and (
      select count(*) filter (where h.owner = _worker and h.lease_until >= _now and h.shard <> p.shard) * _alive < count(*)
      from pgjobs.progress h where h.job_id = p.job_id)
  order by p.job_id, p.shard
  limit 1
  for update of p skip locked;

  if not found then
    select j.id into _due
    from public.xmp_jobs j
    where j.status = 'ready' and j.active and (_autostart or j.start_asked) and j.run_at <= pgjobs.now()
      and not exists (
        select from pgjobs.progress p
        where p.job_id = j.id and p.owner is not null and p.lease_until >= _now and p.owner <> _worker)
      -- Whoever still lets go of one of its shards would be given the same one again.
      and not exists (select from unnest(_running) r (name) where split_part(r.name, '/', 1) = j.id::text)
    order by j.run_at, j.id
    limit 1
    for update of j skip locked;
    if not found then
      return;
    end if;
    begin
      perform pgjobs.check_job(j.type::text, j.params, j.file_name, j.shards) from public.xmp_jobs j
      where j.id = _due and not exists (select from pgjobs.progress p where p.job_id = j.id);
    exception when sqlstate 'PJ400' then
      perform set_config('pgjobs.reason', sqlerrm, true);
      update public.xmp_jobs j set status = 'error' where j.id = _due;
      perform set_config('pgjobs.reason', '', true);
      return;
    end;
    update public.xmp_jobs j set status = 'in progress' where j.id = _due;
    select p.* into _was
    from pgjobs.progress p
    where p.job_id = _due and p.finished_at is null
    order by p.shard
    limit 1
    for update;
    if not found then
      update public.xmp_jobs j set status = 'done' where j.id = _due;
      return;
    end if;
  end if;

  if _was.in_flight_to is distinct from _was.after_key then
    insert into pgjobs.uncertain_ranges (job_id, shard, epoch, from_key, to_key, at)
    values (_was.job_id, _was.shard, _was.epoch, _was.after_key, _was.in_flight_to, _now)
    on conflict do nothing;
  end if;

  select (pgjobs.read_params(j.params)).descending into _descending from public.xmp_jobs j where j.id = _was.job_id;
  update pgjobs.progress p
  set epoch = p.epoch + 1, owner = _worker, lease_until = _now + _lease, retry_at = null,
      uncertain_to = case when p.in_flight_to is not distinct from p.after_key then p.uncertain_to
                          when _descending then least(p.uncertain_to, p.in_flight_to)
                          else greatest(p.uncertain_to, p.in_flight_to) end,
      claimed_at = _now, claimed_with = p.considered, updated_at = _now
  where p.job_id = _was.job_id and p.shard = _was.shard
  returning p.* into _claimed;

  return query
  select _claimed.job_id, _claimed.shard, _claimed.epoch, t.name::text, t.exchange, t.routing_key, t.needs_file,
         j.file_name::text, _descending, (pgjobs.read_params(j.params)).dry_run,
         _claimed.prepared_at is not null, _claimed.uncertain_to, _claimed.log_bytes
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  where j.id = _claimed.job_id;
end;
$$;
comment on function pgjobs.claim_shard(uuid, text[], boolean, interval) is
  'Takes one shard to run: of a job in progress that nobody holds, else of a job that is due. Its epoch grows, which fences out a former owner; what was in flight then becomes an uncertain range. Of the shards of one job a daemon holds no more than its fair share while others live. No row: nothing to do now.';
