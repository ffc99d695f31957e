-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.renew_lease(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval, _in_flight_to bigint, _note text)
returns text
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with held as (
    update pgjobs.shards p
    set lease_until = clock_timestamp() + _lease, in_flight_to = coalesce(_in_flight_to, p.in_flight_to), note = _note
    where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
    returning p.job_id
  )
  select case when j.status::text = 'in progress' then 'go' else 'stop' end
  from held h
  join public.xmp_jobs j on j.id = h.job_id;
$$;
comment on function pgjobs.renew_lease(bigint, integer, bigint, interval, bigint, text) is
  'Keeps a shard that is waiting, with a note why, and may announce how far it will publish. Answers like checkpoint_job: go, stop, or null when fenced out.';
