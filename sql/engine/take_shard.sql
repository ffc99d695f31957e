-- Reads: xmp_jobs, xmp_job_types   Writes: shards, uncertain_ranges
create or replace function pgjobs.take_shard(_job_id bigint, _shard integer, _daemon uuid, _lease_until timestamptz, _level integer)
returns table (
  job_id bigint, shard integer, epoch bigint, type text, exchange text, routing_key text, needs_file boolean,
  file_name text, descending boolean, dry_run boolean, prepared boolean, uncertain_to bigint, log_bytes bigint,
  tracked boolean, reply_queue text, needs_replies boolean, format text, format_options jsonb, keep_refused boolean, stop_at text)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _now timestamptz := clock_timestamp();
  _job public.xmp_jobs;
  _type public.xmp_job_types;
  _params pgjobs.job_params;
  _was pgjobs.shards;
  _taken pgjobs.shards;
begin
  select * into strict _job from public.xmp_jobs j where j.id = _job_id;
  select * into _type from public.xmp_job_types t where t.name = _job.type::text;
  if not found then
    perform pgjobs.refuse('PJ400', 'unknown_type', 'type', format('type: %L is not a registered job type', left(_job.type::text, 100)),
      'register the type again, then resume the job');
  end if;
  _params := pgjobs.read_params(_job.type::text, _job.params);
  select * into strict _was from pgjobs.shards p where p.job_id = _job_id and p.shard = _shard;
  if _was.in_flight_to is distinct from _was.after_key then
    insert into pgjobs.uncertain_ranges (job_id, shard, epoch, from_key, to_key, at)
    values (_job_id, _shard, _was.epoch, _was.after_key, _was.in_flight_to, _now)
    on conflict do nothing;
  end if;
  update pgjobs.shards p
  set epoch = p.epoch + 1, owner = _daemon, lease_until = _lease_until, lease_check_at = _lease_until, due_at = null, yield_at = null, repaced = false, granted = 0,
      claimed_priority = case when _level > p.priority then _level end,
      -- What it was parked for is over; what has failed is over when a window of it is through.
      note = case when p.failures > 0 then p.note end,
      uncertain_to = case when p.in_flight_to is not distinct from p.after_key then p.uncertain_to
                          when _params.descending then least(p.uncertain_to, p.in_flight_to)
                          else greatest(p.uncertain_to, p.in_flight_to) end,
      claimed_at = _now, claimed_with = p.considered, updated_at = coalesce(p.updated_at, _now)
  where p.job_id = _job_id and p.shard = _shard
  returning p.* into strict _taken;
  -- What is deferred to the end of the transaction would refuse there, where nobody knows for which job.
  set constraints all immediate;
  return query select
    _job_id, _shard, _taken.epoch, _type.name::text, _type.exchange, _type.routing_key, _type.needs_file, _job.file_name::text,
    _params.descending, _params.dry_run, _taken.prepared_at is not null, _taken.uncertain_to, _taken.log_bytes,
    _type.tracked and not coalesce(_params.dry_run, false), _type.reply_queue, _type.needs_replies, _type.format, _type.format_options,
    _type.keep_refused and not coalesce(_params.dry_run, false),
    (select pgjobs.moment_text(c.stop_at) from pgjobs.pace_of(_job_id) c);
end;
$$;
comment on function pgjobs.take_shard(bigint, integer, uuid, timestamptz, integer) is
  'Gives a locked shard to a daemon, and notes which priority it had reached by waiting, where that is not its own. Its epoch grows, which fences out a former owner; what was in flight then becomes an uncertain range. Raises where its type or params cannot be read.';
