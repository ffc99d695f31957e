-- Reads: xmp_jobs, xmp_job_types, switch   Writes: shards
create or replace function pgjobs.park_shard(
  _job_id bigint, _shard integer, _epoch bigint, _clean boolean, _pause interval, _reason text, _failure boolean default false)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _due timestamptz;
  _waits boolean := coalesce(_pause, '0') > interval '0' or _failure;
  _active boolean;
begin
  perform from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.finished_at is null
  for update;
  if not found then
    return null;
  end if;
  -- Read behind the lock: whoever makes the job ready meanwhile waits for this row, and makes it due.
  select case
    when j.status::text = 'in progress' and j.active then pgjobs.now()
    when j.status::text = 'in progress' then (select c.stop_at from pgjobs.pace_of(j.id) c)
    when j.status::text = 'ready' and j.active then greatest(pgjobs.now(), j.run_at::timestamptz) end, j.active
  into _due, _active
  from public.xmp_jobs j where j.id = _job_id;
  if not _waits then
    -- Another shard of the job may have its turn; if it was just claimed, the next one has it now.
    for _look in 1 .. 2 loop
      perform from pgjobs.shards p
      where p.job_id = _job_id and p.shard <> _shard and p.owner is null and p.finished_at is null and p.due_at <= pgjobs.now()
      limit 1
      for update;
      if found then
        _due := null;
        exit;
      end if;
    end loop;
  end if;
  -- What the kill switch says is kept there alone: nobody would take it back here.
  _reason := nullif(_reason, pgjobs.held_reason());
  update pgjobs.shards p
  set owner = null, lease_until = null, yield_at = null, repaced = false, note = _reason,
      in_flight_to = case when _clean then p.after_key else p.in_flight_to end,
      failures = case when _failure then p.failures + 1 else 0 end,
      -- Paused meanwhile, it waits for its stop alone; of another pace than that of the pause, it looks again at once.
      due_at = _due + case when not _active or p.repaced and not _failure then interval '0'
                           when _failure then least(interval '10 s', interval '1 s' * power(2, least(p.failures, 10)))
                           else coalesce(_pause, '0') end
  where p.job_id = _job_id and p.shard = _shard;
  return true;
end;
$$;
comment on function pgjobs.park_shard(bigint, integer, bigint, boolean, interval, text, boolean) is
  'Gives up a shard that waits, with the reason for why(). It is due again after the pause, or after a failure when a growing pause is over; without either it waits for its turn among the shards of its job. Where its pace was changed while it was held, it is due at once. Clean: nothing is in flight; else what was in flight is uncertain. Null: fenced out, nothing is changed.';
