-- Reads: nothing   Writes: shards, xmp_jobs (status, when handed back)
create or replace function pgjobs.release_shard(_job_id bigint, _shard integer, _epoch bigint, _clean boolean, _hand_back boolean)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if _hand_back then
    perform from public.xmp_jobs j where j.id = _job_id for update;
  end if;
  update pgjobs.shards p
  set owner = null, lease_until = null, updated_at = clock_timestamp(),
      in_flight_to = case when _clean then p.after_key else p.in_flight_to end,
      note = null, failures = 0, retry_at = null
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.finished_at is null;
  if found and _hand_back then
    perform set_config('pgjobs.reason', 'handed back by a daemon that is shutting down', true);
    update public.xmp_jobs j
    set status = 'ready', start_asked = true
    where j.id = _job_id and j.status = 'in progress'
      and not exists (select from pgjobs.shards p where p.job_id = _job_id and p.owner is not null);
  end if;
end;
$$;
comment on function pgjobs.release_shard(bigint, integer, bigint, boolean, boolean) is
  'Gives up a shard. Clean: nothing is in flight; else what was in flight is uncertain. Anybody may take it up again at once. Handed back: the job is ready for any daemon.';
