-- Reads: xmp_jobs   Writes: shards, uncertain_ranges
create or replace function pgjobs.note_repeats(_job_id bigint, _shard integer, _epoch bigint, _lease interval, _to_key bigint)
returns table (verdict text, pause interval, reason text, paced boolean)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with held as (
    update pgjobs.shards p
    set lease_until = clock_timestamp() + _lease
    where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
    returning p.job_id, p.shard, p.epoch, p.after_key
  ), noted as (
    insert into pgjobs.uncertain_ranges (job_id, shard, epoch, from_key, to_key, at)
    select h.job_id, h.shard, h.epoch, h.after_key, _to_key, clock_timestamp() from held h
    on conflict do nothing
  )
  select o.verdict, o.pause, o.reason, o.paced
  from held h
  cross join lateral pgjobs.orders(h.job_id) o;
$$;
comment on function pgjobs.note_repeats(bigint, integer, bigint, interval, bigint) is
  'Notes that messages behind the last checkpoint up to a key are published again because the broker refused them: where it kept a copy (a dead-letter queue, a second queue of the exchange) there may be two. Renews the lease and answers with orders; no row: fenced out.';
