-- Reads: nothing   Writes: holds, xmp_jobs (active)
create or replace function pgjobs.hold_job(_job_id bigint, _kind text, _reason text)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Whoever asks holds the lock of a shard, so the row of the job is not waited for.
  perform from public.xmp_jobs j where j.id = _job_id for update skip locked;
  if not found then
    return false;
  end if;
  insert into pgjobs.holds as h (job_id, kind, reason, at)
  values (_job_id, _kind, _reason, pgjobs.now())
  on conflict (job_id, kind) do update set reason = excluded.reason, at = excluded.at, released_at = null;
  perform set_config('pgjobs.reason', _reason, true);
  update public.xmp_jobs j set active = false where j.id = _job_id;
  perform set_config('pgjobs.reason', '', true);
  return true;
end;
$$;
comment on function pgjobs.hold_job(bigint, text, text) is
  'Makes a job inactive because of a rule of its own, and keeps why. False: somebody is changing the job at this moment, and nothing was done.';
