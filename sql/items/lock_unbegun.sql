-- Reads: xmp_jobs, xmp_job_types, shards   Writes: nothing (locks the job and its shard)
create or replace function pgjobs.lock_unbegun(_job_id bigint)
returns public.xmp_jobs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _job public.xmp_jobs;
  _fault text;
begin
  -- First the job, as whoever claims or ends it does: what is done behind this happens before its start, or not at all.
  select * into _job from public.xmp_jobs j where j.id = _job_id for no key update;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _job_id), 'look up the id in xmp_jobs');
  end if;
  perform from pgjobs.shards p where p.job_id = _job_id for update;
  _fault := case
    when _job.status::text <> 'ready' then format('job %s is %s', _job_id, case _job.status::text when 'in progress' then 'running' when 'error' then 'in error' else _job.status::text end)
    when exists (select from pgjobs.shards p where p.job_id = _job_id and p.started_at is not null) then format('job %s has begun', _job_id) end;
  if _fault is not null then
    perform pgjobs.refuse('PJ409', 'started', 'target', _fault || ': its entities stay as they are', 'insert a new job');
  end if;
  if not coalesce(_job.params -> 'listed' = 'true' and not _job.params ? 'source'
                  and (select t.tracked from public.xmp_job_types t where t.name = _job.type::text), false) then
    perform pgjobs.refuse('PJ409', 'not_listed', 'target', format('job %s does not take its entities from a list', _job_id),
      'set active to false and create a new job: only a job of a tracked type with params.listed has entities appended and removed');
  end if;
  return _job;
end;
$$;
comment on function pgjobs.lock_unbegun(bigint) is
  'Locks a job whose entities come from a list and that has not begun, and its shard, and answers with it; refuses (PJ404, PJ409) any other job.';
