-- Reads: nothing   Writes: shards, xmp_jobs (status, when handed back)
create or replace function pgjobs.release_shard(_job_id bigint, _shard integer, _epoch bigint, _clean boolean, _hand_back boolean)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if _hand_back then
    perform from public.xmp_jobs j where j.id = _job_id for update;
  end if;
  if pgjobs.park_shard(_job_id, _shard, _epoch, _clean, null, null) and _hand_back then
    perform set_config('pgjobs.reason', 'handed back by a daemon that is shutting down', true);
    update public.xmp_jobs j
    set status = 'ready', start_asked = true
    where j.id = _job_id and j.status = 'in progress'
      and not exists (select from pgjobs.shards p where p.job_id = _job_id and p.owner is not null);
    perform set_config('pgjobs.reason', '', true);
  end if;
end;
$$;
comment on function pgjobs.release_shard(bigint, integer, bigint, boolean, boolean) is
  'Gives up a shard that may go on at once. Clean: nothing is in flight; else what was in flight is uncertain. Handed back: where no daemon holds another shard of it, the job is ready for any daemon.';
