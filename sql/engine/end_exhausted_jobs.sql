-- Reads: xmp_jobs   Writes: xmp_jobs (status), shards
create or replace function pgjobs.end_exhausted_jobs()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _found record;
  _status text;
begin
  for _found in
    select p.job_id, p.shard
    from pgjobs.shards p
    where p.finished_at is not null and p.due_at <= pgjobs.now()
    order by p.due_at
    limit 100
    for update skip locked
  loop
    select j.status::text into _status from public.xmp_jobs j where j.id = _found.job_id for update skip locked;
    continue when not found;
    begin
      if _status = 'ready' then
        perform pgjobs.begin_job(_found.job_id);
      end if;
      update public.xmp_jobs j set status = 'done' where j.id = _found.job_id and j.status = 'in progress';
      -- What is deferred to the end of the transaction would refuse there, where nobody knows for which job.
      set constraints all immediate;
      if exists (select from public.xmp_jobs j where j.id = _found.job_id and j.status = 'in progress') then
        perform pgjobs.refuse_suppressed('done');
      end if;
      update pgjobs.shards p set due_at = null where p.job_id = _found.job_id and p.finished_at is not null;
    exception when others or assert_failure then
      perform pgjobs.break_off_or_postpone(_found.job_id, _found.shard, sqlstate, sqlerrm);
    end;
  end loop;
end;
$$;
comment on function pgjobs.end_exhausted_jobs() is
  'Makes jobs done that are to run and have no open shard, for instance one that was stopped just before its last shard finished and then resumed. Such a job has a finished shard with a due time.';
