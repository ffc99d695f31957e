-- Reads: progress   Writes: injection_lines, calls, xmp_jobs (status of a job that has nothing left to do)
create or replace function pgjobs.sweep()
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _swept bigint;
begin
  delete from pgjobs.injection_lines l
  where l.ctid = any (array(
    select x.ctid from pgjobs.injection_lines x
    where x.job_id = (select j.id from public.xmp_jobs j
                      join public.xmp_job_types t on t.name = j.type::text
                      where j.status = 'done' and t.needs_file
                        and exists (select from pgjobs.injection_lines y where y.job_id = j.id)
                      limit 1)
    limit 10000));
  get diagnostics _swept = row_count;
  delete from pgjobs.calls c where c.asked_at < clock_timestamp() - interval '1 day';
  update public.xmp_jobs j set status = 'done'
  where j.status = 'in progress'
    and exists (select from pgjobs.progress p where p.job_id = j.id)
    and not exists (select from pgjobs.progress p where p.job_id = j.id and p.finished_at is null);
  return _swept;
end;
$$;
comment on function pgjobs.sweep() is
  'Clears away what nobody needs any more, a bounded batch at a time: lines of injection jobs that are done, answered calls. A job set in progress by hand after its last shard had finished is done. Returns how many lines went.';
