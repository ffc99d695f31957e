-- Reads: xmp_job_types, cancellations   Writes: ended_jobs, and what clear_of_job writes
create or replace function pgjobs.clear_beyond_last(_most bigint default 5000)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _one record;
  _what text;
  _gone bigint;
  _left bigint := _most;
  _before bigint;
begin
  for _one in
    select e.* from public.xmp_job_types t
    cross join lateral (
      select o.type, o.at, o.job_id from pgjobs.ended_jobs o
      where o.type = t.name
      order by o.at desc, o.job_id desc
      offset t.keep_the_last limit 500) e
    where t.keep_the_last is not null
      -- Its items are still being closed.
      and not exists (select from pgjobs.cancellations c where c.job_id = e.job_id and c.closed_at is null)
  loop
    _before := _left;
    foreach _what in array '{items,lines,checkpoints,uncertain_ranges,logs,events}'::text[] loop
      _gone := pgjobs.clear_of_job(_what, _one.job_id, _one.at, _left);
      -- Its row is being written: the next call looks again.
      exit when _gone is null;
      _left := _left - _gone;
      if _left <= 0 then
        return true;
      end if;
    end loop;
    -- What somebody had locked goes with the next call.
    if _gone is not null and _left = _before then
      delete from pgjobs.ended_jobs e where e.type = _one.type and e.at = _one.at and e.job_id = _one.job_id;
    end if;
  end loop;
  return _left < _most;
end;
$$;
comment on function pgjobs.clear_beyond_last(bigint) is
  'Clears what is kept of jobs beyond the last ones that their type keeps (keep_the_last): items, lines, checkpoints, uncertain ranges, log files and events; so many rows at most. The job, its outcomes and its counters stay. True: there is more to be done now.';
