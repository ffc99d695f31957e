-- Reads: xmp_jobs   Writes: injection_lines, callbacks, ended_items, xmp_jobs (status of a job that has nothing left to do), maintenance
create or replace function pgjobs.sweep()
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _at_a_time constant integer := 100;
  _from pgjobs.maintenance;
  _swept bigint;
  _done bigint[];
  _seen bigint;
begin
  select * into _from from pgjobs.maintenance m for update;

  -- From one job that has lines to the next one, by the index: of the lines of a job that is not done only one is read.
  with recursive loaded (job_id, n) as (
    (select l.job_id, 1 from pgjobs.injection_lines l where l.job_id > _from.lines_after order by l.job_id limit 1)
    union all
    select (select l.job_id from pgjobs.injection_lines l where l.job_id > b.job_id order by l.job_id limit 1), b.n + 1
    from loaded b where b.job_id is not null and b.n < _at_a_time
  )
  select array_agg(l.job_id order by l.job_id)
           filter (where coalesce((select j.status::text = 'done' from public.xmp_jobs j where j.id = l.job_id), false)),
         case when count(l.job_id) = _at_a_time then max(l.job_id) end
  into _done, _seen
  from loaded l;
  delete from pgjobs.injection_lines l
  where l.ctid = any (array(select x.ctid from pgjobs.injection_lines x where x.job_id = any (_done) limit 10000));
  get diagnostics _swept = row_count;
  -- Where more jobs have lines than one sweep looks at, the next one begins with this job until nothing of it is left.
  update pgjobs.maintenance m set lines_after = case when _seen is null then 0 else coalesce(_done[1] - 1, _seen) end;

  update pgjobs.callbacks n set closed_at = pgjobs.now(), answer = 'too old'
  where n.id = any (array(
    select o.id from pgjobs.callbacks o where o.closed_at is null and o.created_at < pgjobs.oldest_callback() limit 10000));
  delete from pgjobs.ended_items e
  where e.id = any (array(select o.id from pgjobs.ended_items o order by o.id limit 10000)) and e.at < pgjobs.oldest_callback();
  perform pgjobs.end_exhausted_jobs();
  return _swept;
end;
$$;
comment on function pgjobs.sweep() is
  'Clears away what nobody needs any more, a bounded batch at a time: lines of injection jobs that are done, callbacks that are too old to be told. A job that has nothing left to do is done. Returns how many lines went.';
