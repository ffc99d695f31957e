-- Reads: holds, tasks, xmp_jobs, xmp_job_types, shards   Writes: nothing
create or replace function pgjobs.pause_reason(_job_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when (select p.stop_at <= pgjobs.now() from pgjobs.pace_of(_job_id) p) then null
    else coalesce(
      (select h.reason from pgjobs.holds h where h.job_id = _job_id and h.released_at is null order by h.at desc limit 1),
      (select format('its task %s is paused: set active = true in pgjobs.tasks', t.id)
       from public.xmp_jobs j join pgjobs.tasks t on t.id = j.task_id
       where j.id = _job_id and j.status::text = 'ready' and not t.active),
      format('it is paused: run "pgjobs resume %s", or set active = true in SQL', _job_id)) end;
$$;
comment on function pgjobs.pause_reason(bigint) is
  'Why a job that has begun and is not active waits: a rule of its own, its task, or somebody paused it; null when its stop has come, for then it is closed all the same.';
