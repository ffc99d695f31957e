-- Reads: nothing   Writes: shards
create or replace function pgjobs.free_lost_shards(_daemon uuid, _running text[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := clock_timestamp();
begin
  update pgjobs.shards p
  set owner = null, lease_until = null, due_at = greatest(least(p.claimed_at, pgjobs.now()), pgjobs.now() - interval '1 minute')
  where (p.job_id, p.shard) in (
    select o.job_id, o.shard
    from pgjobs.shards o
    where o.owner is not null and o.lease_check_at < _now and o.lease_until < _now
    for update skip locked);
  -- A lease that was renewed is looked at again when it would run out from now on: rarely, for this is no HOT update.
  update pgjobs.shards p
  set lease_check_at = p.lease_until
  where (p.job_id, p.shard) in (
    select o.job_id, o.shard
    from pgjobs.shards o
    where o.owner is not null and o.lease_check_at < _now and o.lease_until >= _now
    for update skip locked);
  update pgjobs.shards p
  set owner = null, lease_until = null, due_at = greatest(least(p.claimed_at, pgjobs.now()), pgjobs.now() - interval '1 minute')
  where (p.job_id, p.shard) in (
    select o.job_id, o.shard
    from pgjobs.shards o
    where o.owner = _daemon and o.job_id || '/' || o.shard <> all (_running)
    for update skip locked);
end;
$$;
comment on function pgjobs.free_lost_shards(uuid, text[]) is
  'Frees shards whose lease has run out, and those that this daemon holds without running them. They are due as if they had waited since their claim, a minute at most, for they ran; what was in flight stays uncertain.';
