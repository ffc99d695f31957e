-- Reads: shards   Writes: injection_lines, api_requests, callbacks, xmp_jobs (status of a job that has nothing left to do)
create or replace function pgjobs.sweep()
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _swept bigint;
  _job bigint;
begin
  -- From one job that has lines to the next one, by the index: of the lines of a job that is not done only one is read.
  with recursive loaded (job_id) as (
    (select l.job_id from pgjobs.injection_lines l order by l.job_id limit 1)
    union all
    select (select l.job_id from pgjobs.injection_lines l where l.job_id > b.job_id order by l.job_id limit 1)
    from loaded b where b.job_id is not null
  )
  select l.job_id into _job
  from loaded l join public.xmp_jobs j on j.id = l.job_id
  where j.status::text = 'done'
  limit 1;
  delete from pgjobs.injection_lines l
  where l.ctid = any (array(select x.ctid from pgjobs.injection_lines x where x.job_id = _job limit 10000));
  get diagnostics _swept = row_count;
  delete from pgjobs.api_requests c where c.asked_at < clock_timestamp() - interval '1 day';
  update pgjobs.callbacks n set closed_at = pgjobs.now(), answer = 'too old'
  where n.closed_at is null and n.created_at < pgjobs.oldest_callback();
  for _job in
    select j.id
    from public.xmp_jobs j
    where j.status = 'in progress'
      and exists (select from pgjobs.shards p where p.job_id = j.id)
      and not exists (select from pgjobs.shards p where p.job_id = j.id and p.finished_at is null)
      and not exists (select from pgjobs.postponed_jobs o where o.job_id = j.id and o.retry_at > clock_timestamp())
  loop
    begin
      update public.xmp_jobs j set status = 'done' where j.id = _job and j.status = 'in progress';
      set constraints all immediate;
    exception when others or assert_failure then
      perform pgjobs.break_off_or_postpone(_job, sqlstate, sqlerrm);
    end;
  end loop;
  return _swept;
end;
$$;
comment on function pgjobs.sweep() is
  'Clears away what nobody needs any more, a bounded batch at a time: lines of injection jobs that are done, answered calls, callbacks that are too old to be told. A job set in progress by hand after its last shard had finished is done. Returns how many lines went.';
