-- Reads: shards, xmp_jobs, log_segments, checkpoints   Writes: shards, log_segments, xmp_jobs (log_path), and what begin_round writes
create or replace function pgjobs.open_shard(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval, _host text, _path text, _most bigint,
  _start_key bigint, _first_key bigint, _end_key bigint, _send_limit bigint, _estimate bigint, _cuts bigint[], _zones text[] default null)
returns table (
  verdict text, pause interval, reason text, paced boolean,
  after_key bigint, end_key bigint, empty boolean, remaining bigint, lsn text, announced bigint, zones text[], attempt smallint,
  path text, bytes bigint, chain bytea)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _announced bigint;
begin
  if _cuts is not null
     and pgjobs.prepare_job(_job_id, _shard, _epoch, _start_key, _first_key, _end_key, _send_limit, _estimate, _cuts, _zones) is null then
    return;
  end if;
  if _cuts is null then
    perform pgjobs.begin_round(_job_id, _shard, _epoch);
  end if;
  -- Where no more may be sent than one window holds, it is announced here and now.
  update pgjobs.shards p
  set lease_until = clock_timestamp() + _lease,
      in_flight_to = case when p.send_limit - p.sent - p.returned <= _most then coalesce(p.end_key, p.in_flight_to) else p.in_flight_to end
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  returning p.in_flight_to into _announced;
  return query
  select o.verdict, o.pause, o.reason, o.paced, p.after_key, p.end_key, p.empty, p.remaining, p.lsn, _announced, p.zones, p.attempt, l.path, l.bytes, l.chain
  from pgjobs.orders(_job_id) o
  cross join pgjobs.shard_position(_job_id, _shard, _epoch) p
  cross join pgjobs.open_log(_job_id, _shard, _epoch, _host, _path, false) l;
end;
$$;
comment on function pgjobs.open_shard(bigint, integer, bigint, interval, text, text, bigint, bigint, bigint, bigint, bigint, bigint, bigint[], text[]) is
  'Everything that a run has to know before its first record, in one call: prepare_job() with what measure_selection() has found (_cuts null: the shard is prepared), then orders, and the answers of shard_position() and of open_log(). Renews the lease. Where no more than _most records may be sent, all of them are announced; announced: how far may be published before the next checkpoint. Attempt: which one of its items the round is about; null: it has none. No row: fenced out.';
