-- Reads: xmp_jobs, outcomes   Writes: shards, outcomes, log_segments, checkpoints, xmp_jobs (status)
create or replace function pgjobs.checkpoint_and_finish(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval,
  _after_key bigint, _in_flight_to bigint, _sent bigint, _skipped bigint, _returned bigint, _outcomes jsonb, _log_bytes bigint, _chain bytea, _checks bytea,
  _confirm_ms integer default null, _backlog bigint default null)
returns table (verdict text, pause interval, reason text, paced boolean, answer text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _free boolean;
begin
  -- First, as finish_shard() does it, so that nobody waits in a circle; a job that somebody is changing is not waited for.
  perform from public.xmp_jobs j where j.id = _job_id for update skip locked;
  _free := found;
  select c.verdict, c.pause, c.reason, c.paced into verdict, pause, reason, paced
  from pgjobs.checkpoint_job(_job_id, _shard, _epoch, _lease, _after_key, _in_flight_to, _sent, _skipped, _returned, _outcomes,
                             _log_bytes, _chain, _checks, _confirm_ms, _backlog) c;
  if not found then
    return;
  end if;
  if _free and verdict = 'go' then
    answer := pgjobs.finish_shard(_job_id, _shard, _epoch);
  end if;
  return next;
end;
$$;
comment on function pgjobs.checkpoint_and_finish(bigint, integer, bigint, interval, bigint, bigint, bigint, bigint, bigint, jsonb, bigint, bytea, bytea, integer, bigint) is
  'The checkpoint of the last window of a shard, and its end, in one transaction: what checkpoint_job() and finish_shard() answer. answer null: only the checkpoint is stored, because somebody has locked the job or it is not to go on; finish_shard() is asked apart then. An end that is refused raises, and the checkpoint is not stored either: the caller stores it alone. No row: fenced out.';
