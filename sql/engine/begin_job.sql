-- Reads: xmp_jobs, shards   Writes: xmp_jobs (status)
create or replace function pgjobs.begin_job(_job_id bigint)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _status text;
  _shard integer;
begin
  perform pgjobs.check_job(j.type::text, j.params, j.file_name, j.shards, _written => false) from public.xmp_jobs j
  where j.id = _job_id and not exists (select from pgjobs.shards p where p.job_id = j.id);
  perform set_config('pgjobs.claims', _job_id::text, true);
  update public.xmp_jobs j set status = 'in progress' where j.id = _job_id;
  perform set_config('pgjobs.claims', '', true);
  -- Asked apart: an update with a returning clause fails on a table that has a conditional rule.
  select j.status::text into _status from public.xmp_jobs j where j.id = _job_id;
  if _status is distinct from 'in progress' then
    perform pgjobs.refuse_suppressed('in progress');
  end if;
  select p.shard into _shard
  from pgjobs.shards p
  where p.job_id = _job_id and p.finished_at is null
  order by p.shard
  limit 1
  for update;
  if not found then
    update public.xmp_jobs j set status = 'done' where j.id = _job_id;
    -- What is deferred to the end of the transaction would refuse there, where nobody knows for which job.
    set constraints all immediate;
    if exists (select from public.xmp_jobs j where j.id = _job_id and j.status = 'in progress') then
      perform pgjobs.refuse_suppressed('done');
    end if;
  end if;
  return _shard;
end;
$$;
comment on function pgjobs.begin_job(bigint) is
  'Brings a ready job into progress and answers with its first open shard; null: none is left to run, and the job is done. Raises whatever refuses the start.';
