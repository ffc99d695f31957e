-- Reads: nothing   Writes: shards
create or replace function pgjobs.prepare_job(
  _job_id bigint, _shard integer, _epoch bigint,
  _start_key bigint, _first_key bigint, _end_key bigint, _send_limit bigint, _estimate bigint)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.shards p
  set prepared_at = clock_timestamp(), start_key = _start_key, after_key = _start_key, in_flight_to = _start_key,
      first_key = _first_key, end_key = _end_key, send_limit = _send_limit, estimate = _estimate
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  returning 'go';
$$;
comment on function pgjobs.prepare_job(bigint, integer, bigint, bigint, bigint, bigint, bigint, bigint) is
  'Fixes once where a shard begins and ends, as measure_selection() has found it. From here on a run continues by key alone. Null: fenced out.';
