-- Reads: nothing   Writes: shards
create or replace function pgjobs.park_shard(
  _job_id bigint, _shard integer, _epoch bigint, _clean boolean, _pause interval, _reason text, _failure boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.shards p
  set owner = null, lease_until = null, updated_at = clock_timestamp(),
      in_flight_to = case when _clean then p.after_key else p.in_flight_to end,
      note = _reason,
      failures = case when _failure then p.failures + 1 else p.failures end,
      retry_at = clock_timestamp() + case when _failure then least(interval '10 s', interval '1 s' * power(2, least(p.failures, 10)))
                                          else _pause end
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.finished_at is null;
end;
$$;
comment on function pgjobs.park_shard(bigint, integer, bigint, boolean, interval, text, boolean) is
  'Gives up a shard for a while, with the reason. Clean: nothing is in flight; else what was in flight is uncertain. A failure lets the pause grow with each one before it.';
