-- Reads: xmp_jobs   Writes: shards, xmp_jobs (status)
create or replace function pgjobs.fail_job(_job_id bigint, _shard integer, _epoch bigint, _clean boolean, _code text, _sentence text, _late_key bigint default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job public.xmp_jobs;
begin
  -- First the job, then its shards, as whoever changes its status locks them.
  select * into _job from public.xmp_jobs j where j.id = _job_id for update;
  update pgjobs.shards p
  set owner = null, lease_until = null, updated_at = clock_timestamp(), note = null, error = _sentence,
      late_key = coalesce(p.late_key, _late_key),
      in_flight_to = case when _clean then p.after_key else p.in_flight_to end
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.finished_at is null;
  if found then
    perform set_config('pgjobs.reason', format('%s: %s', _code, _sentence), true);
    update public.xmp_jobs j set status = 'error' where j.id = _job_id and j.status = 'in progress';
    perform set_config('pgjobs.reason', '', true);
    -- Suppressed, it would be taken up again and fail again, and nobody would be told.
    if exists (select from public.xmp_jobs j where j.id = _job_id and j.status = 'in progress') then
      perform pgjobs.refuse_suppressed('error');
    end if;
    if _job.status::text = 'ready' then
      -- Stopped and resumed meanwhile: it is tried again.
      perform pgjobs.schedule_shards(_job_id, 'ready', _job.active, _job.run_at::timestamptz, _job.priority::smallint, _job.start_asked);
    end if;
  end if;
end;
$$;
comment on function pgjobs.fail_job(bigint, integer, bigint, boolean, text, text, bigint) is
  'Breaks a job off with a sentence that names the thing to mend; it can be resumed and continues where it was, unless a key came late (late_key). One that was resumed meanwhile is tried again. Raises where the change to error is suppressed.';
