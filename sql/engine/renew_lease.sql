-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.renew_lease(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval, _in_flight_to bigint default null, _note text default null)
returns table (verdict text, pause interval, reason text, paced boolean)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with held as (
    update pgjobs.shards p
    set lease_until = clock_timestamp() + _lease, in_flight_to = coalesce(_in_flight_to, p.in_flight_to), note = _note
    where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
    returning p.job_id
  )
  select o.verdict, o.pause, o.reason, o.paced
  from held h
  cross join lateral pgjobs.orders(h.job_id) o;
$$;
comment on function pgjobs.renew_lease(bigint, integer, bigint, interval, bigint, text) is
  'Keeps one shard, with a note why it waits, and may announce how far it will publish. Answers with orders; no row: fenced out.';
