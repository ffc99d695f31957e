-- Reads: nothing   Writes: refused_records, and what checkpoint_job writes
create or replace function pgjobs.checkpoint_refused(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval,
  _after_key bigint, _in_flight_to bigint, _sent bigint, _skipped bigint, _returned bigint, _outcomes jsonb, _log_bytes bigint, _chain bytea, _checks bytea,
  _keys bigint[], _codes text[], _targets bytea[], _confirm_ms integer default null, _backlog bigint default null)
returns table (verdict text, pause interval, reason text, paced boolean)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from pgjobs.checkpoint_job(_job_id, _shard, _epoch, _lease, _after_key, _in_flight_to, _sent, _skipped, _returned,
    _outcomes, _log_bytes, _chain, _checks, _confirm_ms, _backlog);
  if found then
    insert into pgjobs.refused_records (job_id, key, code, target)
    select _job_id, r.key, r.code, r.target from unnest(_keys, _codes, _targets) r (key, code, target)
    on conflict (job_id, key) do nothing;
  end if;
end;
$$;
comment on function pgjobs.checkpoint_refused(bigint, integer, bigint, interval, bigint, bigint, bigint, bigint, bigint, jsonb, bigint, bytea, bytea, bigint[], text[], bytea[], integer, bigint) is
  'What checkpoint_job() does, for a window with records that were not sent and are to be kept: their keys, codes and targets. No row means fenced out, and nothing is changed.';
