-- Reads: daemons   Writes: shards, events
create or replace function pgjobs.free_lost_shards(_daemon uuid, _running text[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := clock_timestamp();
  _told bigint;
begin
  with lost as materialized (
    select o.job_id, o.shard, o.owner, o.lease_until, o.updated_at
    from pgjobs.shards o
    where o.owner is not null and o.lease_check_at < _now and o.lease_until < _now
    for update skip locked
  ), freed as (
    update pgjobs.shards p
    set owner = null, lease_until = null, due_at = greatest(least(p.claimed_at, pgjobs.now()), pgjobs.now() - interval '1 minute')
    from lost o
    where p.job_id = o.job_id and p.shard = o.shard
  )
  select count(pgjobs.add_event(l.job_id, null, null,
    format('daemon %s was heard of no more, and its lease ran out at %s: %s for another daemon',
      l.daemon, pgjobs.moment_text(l.lease_until), case when l.n = 1 then 'a shard waits' else l.n || ' shards wait' end), l.at, 'lost'))
  into _told
  from (
    select o.job_id, coalesce(w.name, o.owner::text) as daemon, count(*) as n, max(o.lease_until) as lease_until,
      least(max(o.lease_until), greatest(max(o.updated_at), max(w.seen_at))) as at
    from lost o left join pgjobs.daemons w on w.id = o.owner
    group by o.job_id, o.owner, w.name) l;
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
  'Frees shards whose lease has run out, and those that this daemon holds without running them. They are due as if they had waited since their claim, a minute at most, for they ran; what was in flight stays uncertain. The events of a job tell that its daemon was lost, and when it was heard of last.';
