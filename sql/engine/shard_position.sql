-- Reads: progress, xmp_jobs   Writes: nothing
create or replace function pgjobs.shard_position(_job_id bigint, _shard integer, _epoch bigint)
returns table (after_key bigint, end_key bigint, empty boolean, remaining bigint, lsn text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select p.after_key, p.end_key,
         p.first_key is null,
         p.send_limit - p.sent - p.returned, pg_current_wal_lsn()::text
  from pgjobs.progress p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.prepared_at is not null;
$$;
comment on function pgjobs.shard_position(bigint, integer, bigint) is
  'Where a prepared shard goes on: behind which key, up to which, how many records may still be sent (null: all), and which WAL position a replica must have replayed to know all this.';
