-- Reads: xmp_jobs, job_events   Writes: nothing
create or replace function pgjobs.list_events(_id bigint, _limit bigint default 100, _after bigint default null)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  perform pgjobs.need_job(_id);
  perform pgjobs.need_limit(_limit);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', e.id, 'at', e.at, 'from_status', e.from_status, 'to_status', e.to_status,
             'reason', e.reason, 'actor', e.actor, 'role', e.role, 'application', e.application) order by e.id), '[]')
    from (
      select * from pgjobs.job_events v
      -- Compared as pairs, so that the index gives the order, whatever the statistics say.
      where (v.job_id, v.id) > (_id, coalesce(_after, 0)) and v.job_id <= _id
      order by v.job_id, v.id
      limit coalesce(_limit, 100)) e);
end;
$$;
comment on function pgjobs.list_events(bigint, bigint, bigint) is
  'The events of a job as a JSON array, the oldest first; at most so many (100), the next page begins after the last id of this one. Refuses (PJ404) when there is no such job, and a limit outside 1 to 1000.';
