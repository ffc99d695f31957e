-- Reads: nothing   Writes: log_segments
create or replace function pgjobs.log_removed(_job_id bigint, _shard integer, _segment integer)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.log_segments s
  set removed_at = clock_timestamp()
  where s.job_id = _job_id and s.shard = _shard and s.segment = _segment and s.remove_asked_at is not null;
$$;
comment on function pgjobs.log_removed(bigint, integer, integer) is 'Notes that a log file whose removal was asked for is gone.';
