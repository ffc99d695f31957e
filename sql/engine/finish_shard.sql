-- Reads: xmp_jobs, outcomes   Writes: shards, xmp_jobs (status), and what end_round writes
create or replace function pgjobs.finish_shard(_job_id bigint, _shard integer, _epoch bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _considered bigint;
  _accounted bigint;
  _open bigint;
  _job public.xmp_jobs;
begin
  select * into _job from public.xmp_jobs j where j.id = _job_id for update;
  if pgjobs.end_round(_job_id, _shard, _epoch) then
    if _job.status::text = 'ready' then
      perform pgjobs.schedule_shards(_job_id, 'ready', _job.active, _job.run_at::timestamptz, _job.priority::smallint, _job.start_asked);
    end if;
    return 'waiting';
  end if;
  update pgjobs.shards p
  set finished_at = clock_timestamp(), updated_at = clock_timestamp(), owner = null, lease_until = null,
      in_flight_to = p.after_key, uncertain_to = null, note = null
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  returning p.considered into _considered;
  if not found then
    return null;
  end if;
  select coalesce(sum(o.n), 0) into _accounted from pgjobs.outcomes o where o.job_id = _job_id and o.shard = _shard;
  if _considered <> _accounted then
    perform pgjobs.refuse('PJ409', 'unaccounted', 'job_id',
      format('job %s, shard %s is at its end, but of %s considered %s accounted for in pgjobs.outcomes: it is not done',
             _job_id, _shard, pgjobs.counted(_considered, 'record'), pgjobs.counted(_accounted, 'is', 'are')),
      'somebody changed pgjobs.outcomes or pgjobs.shards by hand: compare with the log ("pgjobs verify"), put the rows right and resume the job');
  end if;
  select count(*) into _open from pgjobs.shards p where p.job_id = _job_id and p.finished_at is null;
  if _open > 0 then
    perform pgjobs.pass_turn(_job_id);
    if not exists (
      select from pgjobs.shards p where p.job_id = _job_id and p.finished_at is null and (p.owner is not null or p.due_at is not null)) then
      -- Somebody has just locked the next one, and nobody is left who would pass the turn on later.
      perform from pgjobs.shards p where p.job_id = _job_id and p.finished_at is null for update;
      perform pgjobs.pass_turn(_job_id);
    end if;
  elsif _job.status::text = 'in progress' then
    update public.xmp_jobs j set status = 'done' where j.id = _job_id;
    -- No daemon would look at it again: a job in progress without an open shard is claimed by nobody.
    if exists (select from public.xmp_jobs j where j.id = _job_id and j.status = 'in progress') then
      perform pgjobs.refuse_suppressed('done');
    end if;
    return 'done';
  elsif _job.status::text = 'ready' then
    -- Stopped and resumed while its last window was in flight: it becomes done once it has begun.
    perform pgjobs.schedule_shards(_job_id, 'ready', _job.active, _job.run_at::timestamptz, _job.priority::smallint, _job.start_asked);
  end if;
  return 'finished';
end;
$$;
comment on function pgjobs.finish_shard(bigint, integer, bigint) is
  'Ends a shard whose cursor is exhausted; the last one makes the job done. One that has items which are still open waits for them instead (waiting). Null: fenced out. Refuses (PJ409 unaccounted) where not every considered record is accounted for, and raises where the change to done is suppressed.';
