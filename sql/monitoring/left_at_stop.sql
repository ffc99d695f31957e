-- Reads: xmp_jobs, xmp_job_types, shards, job_status, and what plan reads   Writes: nothing
create or replace function pgjobs.left_at_stop(_job_id bigint)
returns numeric
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _planned record;
begin
  if (select p.stop_at from pgjobs.pace_of(_job_id) p) is null then
    return null;
  end if;
  select sum(p.records) as records, bool_or(p.records is null) as unknown, (array_agg(p.why_it_ends order by p.begins desc))[1] as ends_by
  into _planned
  from pgjobs.plan(_job_id) p;
  if _planned.unknown or _planned.ends_by is null then
    return null;
  end if;
  return case when _planned.ends_by = 'its stop' then (
    select greatest(0, s.total - coalesce(s.considered, 0) - _planned.records) from pgjobs.job_status s where s.id = _job_id) else 0 end;
end;
$$;
comment on function pgjobs.left_at_stop(bigint) is
  'How many records of a job will not be through at its stop, by its plan; null where it has no stop, or nobody can say.';
