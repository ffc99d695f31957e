-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.renew_leases(_daemon uuid, _running text[], _lease interval)
returns table (job_id bigint, shard integer, epoch bigint, renewed boolean, verdict text, pause interval, reason text, paced boolean)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with held as materialized (
    select p.job_id, p.shard, p.epoch
    from pgjobs.shards p
    where p.owner = _daemon and p.lease_until > clock_timestamp() and p.job_id || '/' || p.shard = any (_running)
  ), free as materialized (
    -- A row that somebody has locked is not waited for: all other leases would wait with it.
    select p.job_id, p.shard
    from pgjobs.shards p
    where p.owner = _daemon and p.lease_until > clock_timestamp() and p.job_id || '/' || p.shard = any (_running)
    for no key update skip locked
  ), renewed as (
    update pgjobs.shards p
    set lease_until = clock_timestamp() + _lease
    from free f
    where p.job_id = f.job_id and p.shard = f.shard and p.owner = _daemon and p.lease_until > clock_timestamp()
    returning p.job_id, p.shard
  )
  select h.job_id, h.shard, h.epoch, r.job_id is not null, o.verdict, o.pause, o.reason, o.paced
  from held h
  left join renewed r on r.job_id = h.job_id and r.shard = h.shard
  cross join lateral pgjobs.orders(h.job_id) o;
$$;
comment on function pgjobs.renew_leases(uuid, text[], interval) is
  'Renews the leases of the shards that a daemon runs, named job/shard, and answers with a row of orders for each. A shard whose row somebody has locked is told and not renewed. A shard that is missing in the answer has another owner by now, or its lease has run out.';
