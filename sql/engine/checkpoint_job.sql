-- Reads: xmp_jobs   Writes: shards, outcomes, log_segments, checkpoints
create or replace function pgjobs.checkpoint_job(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval,
  _after_key bigint, _in_flight_to bigint, _sent bigint, _skipped bigint, _returned bigint, _outcomes jsonb, _log_bytes bigint, _chain bytea, _checks bytea,
  _confirm_ms integer default null, _backlog bigint default null)
returns table (verdict text, pause interval, reason text, paced boolean)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with held as (
    update pgjobs.shards p
    set after_key = _after_key, in_flight_to = _in_flight_to, considered = p.considered + _sent + _skipped + _returned,
        sent = p.sent + _sent, skipped = p.skipped + _skipped, returned = p.returned + _returned, log_bytes = _log_bytes,
        checkpoints = p.checkpoints + 1,
        lease_until = clock_timestamp() + _lease, updated_at = clock_timestamp(), note = null, failures = 0, granted = 0
    where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
    returning p.job_id, p.shard, p.checkpoints
  ), counted as (
    insert into pgjobs.outcomes as o (job_id, shard, action, code, n)
    select h.job_id, h.shard, x ->> 0, x ->> 1, (x ->> 2)::bigint from held h, jsonb_array_elements(_outcomes) x
    on conflict (job_id, shard, action, code) do update set n = o.n + excluded.n
  ), logged as (
    update pgjobs.log_segments s
    set bytes = _log_bytes
    from held h
    where s.job_id = h.job_id and s.shard = h.shard
      and s.segment = (select max(l.segment) from pgjobs.log_segments l where l.job_id = h.job_id and l.shard = h.shard)
  ), chained as (
    insert into pgjobs.checkpoints (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks, confirm_ms, backlog)
    select h.job_id, h.shard, h.checkpoints, _epoch, clock_timestamp(), _after_key, _sent, _skipped, _returned, _log_bytes, _chain, _checks,
      _confirm_ms, _backlog
    from held h
  )
  select o.verdict, o.pause, o.reason, o.paced
  from held h
  cross join lateral pgjobs.orders(h.job_id) o;
$$;
comment on function pgjobs.checkpoint_job(bigint, integer, bigint, interval, bigint, bigint, bigint, bigint, bigint, jsonb, bigint, bytea, bytea, integer, bigint) is
  'One statement for one window: the last key, the counts, the outcomes as [[action, code, n], ...], the committed length of the log with its hash chain and a check of each line, the last key that may be published before the next checkpoint, and what it tells of the window: how long its confirms took, and how long the queue was before it; renews the lease. Answers with orders; no row means fenced out: write nothing more.';
