-- Reads: nothing   Writes: shards
create or replace function pgjobs.free_lost_shards(_daemon uuid, _running text[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.shards p
  set owner = null, lease_until = null, due_at = least(p.claimed_at, pgjobs.now())
  where (p.job_id, p.shard) in (
    select o.job_id, o.shard
    from pgjobs.shards o
    where o.owner is not null
      and (o.lease_until < clock_timestamp() or o.owner = _daemon and o.job_id || '/' || o.shard <> all (_running))
    for update skip locked);
$$;
comment on function pgjobs.free_lost_shards(uuid, text[]) is
  'Frees shards whose lease has run out, and those that this daemon holds without running them. They are due before all others of their priority, and what was in flight stays uncertain.';
