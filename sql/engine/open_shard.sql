-- Reads: shards, xmp_jobs, log_segments, checkpoints   Writes: shards, log_segments, xmp_jobs (log_path)
create or replace function pgjobs.open_shard(
  _job_id bigint, _shard integer, _epoch bigint, _host text, _path text,
  _start_key bigint, _first_key bigint, _end_key bigint, _send_limit bigint, _estimate bigint, _cuts bigint[])
returns table (after_key bigint, end_key bigint, empty boolean, remaining bigint, lsn text, path text, bytes bigint, chain bytea)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if _cuts is not null
     and pgjobs.prepare_job(_job_id, _shard, _epoch, _start_key, _first_key, _end_key, _send_limit, _estimate, _cuts) is null then
    return;
  end if;
  return query
  select p.after_key, p.end_key, p.empty, p.remaining, p.lsn, l.path, l.bytes, l.chain
  from pgjobs.shard_position(_job_id, _shard, _epoch) p
  cross join pgjobs.open_log(_job_id, _shard, _epoch, _host, _path, false) l;
end;
$$;
comment on function pgjobs.open_shard(bigint, integer, bigint, text, text, bigint, bigint, bigint, bigint, bigint, bigint[]) is
  'Everything that a run has to know before its first record, in one call: prepare_job() with what measure_selection() has found (_cuts null: the shard is prepared), then the answers of shard_position() and of open_log(). No row: fenced out.';
