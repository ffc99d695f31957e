-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.prepare_job(
  _job_id bigint, _shard integer, _epoch bigint,
  _start_key bigint, _first_key bigint, _end_key bigint, _send_limit bigint, _estimate bigint, _cuts bigint[], _zones text[] default null)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _parts constant integer := coalesce(cardinality(_zones), cardinality(_cuts) + 1);
  _now timestamptz;
  _priority smallint;
  _attempt smallint;
  _round_at timestamptz;
  _routed boolean;
begin
  update pgjobs.shards p
  set prepared_at = clock_timestamp(), parts = _parts, start_key = _start_key, after_key = _start_key, in_flight_to = _start_key,
      first_key = _first_key, end_key = coalesce(_cuts[1], _end_key), send_limit = _send_limit, estimate = _estimate / _parts, zone = _zones[1]
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.prepared_at is null
  returning p.prepared_at, p.priority, p.attempt, p.round_at, p.routed into _now, _priority, _attempt, _round_at, _routed;
  if not found then
    return (
      select 'go' from pgjobs.shards p
      where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp());
  end if;
  if _parts = 1 then
    return 'go';
  end if;
  insert into pgjobs.shards (job_id, shard, prepared_at, parts, start_key, after_key, in_flight_to, first_key, end_key, estimate, started_at,
    priority, asked, zone, attempt, round_at, routed)
  select _job_id, s, _now, _parts, k.start, k.start, k.start, _first_key, coalesce(_cuts[s + 1], _end_key),
         _estimate * (s + 1) / _parts - _estimate * s / _parts, _now, _priority, true, _zones[s + 1], _attempt, _round_at, _routed
  from generate_series(1, _parts - 1) s
  cross join lateral (select case when _zones is null or _cuts <> '{}' then _cuts[s] else _start_key end) k (start);
  perform pgjobs.pass_turn(_job_id);
  return 'go';
end;
$$;
comment on function pgjobs.prepare_job(bigint, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint[], text[]) is
  'Fixes once where a job begins and ends, as measure_selection() has found it, and cuts it into ranges of the key: the first one is the shard that is prepared, each further one becomes a shard behind the end of the one before; the first of these is due at once. Where there are zones each shard has one of them, and the whole range, or its part of it where there are cuts as well. From here on a run continues by key alone. A job that is prepared already stays as it is. Null: fenced out.';
