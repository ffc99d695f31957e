-- Reads: item_retries   Writes: shards, and what close_overdue writes
create or replace function pgjobs.begin_round(_job_id bigint, _shard integer, _epoch bigint)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := pgjobs.now();
  _attempt smallint;
begin
  perform from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.round_over
  for no key update;
  if not found then
    return null;
  end if;
  perform pgjobs.close_overdue(_job_id, _shard);
  _attempt := (
    select min(r.attempt) from pgjobs.item_retries r where r.job_id = _job_id and r.shard = _shard and r.due_at <= _now);
  if _attempt is null then
    return false;
  end if;
  update pgjobs.shards p
  set round_over = false, attempt = _attempt, round_at = _now, after_key = p.start_key, in_flight_to = p.start_key, uncertain_to = null
  where p.job_id = _job_id and p.shard = _shard;
  return true;
end;
$$;
comment on function pgjobs.begin_round(bigint, integer, bigint) is
  'Where the round of a shard is over: ends the attempts whose time is over, and begins a round of what is due for the same attempt. False: nothing is due. Null: a round is under way.';
