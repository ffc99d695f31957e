-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.running_jobs(_limit bigint default 1000, _after bigint default null)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _ids bigint[];
begin
  perform pgjobs.need_limit(_limit);
  -- Compared as pairs, so that the index on (status, id) gives the order, whatever the statistics say.
  _ids := array(
    select j.id
    from public.xmp_jobs j
    where (j.status, j.id) > ('in progress', coalesce(_after, -9223372036854775808)) and j.status <= 'in progress'
    order by j.status, j.id
    limit 1000);
  return pgjobs.jobs_json(_ids[1:coalesce(_limit, 1000)]);
end;
$$;
comment on function pgjobs.running_jobs(bigint, bigint) is
  'The jobs in progress as a JSON array, by id; at most so many (1000), the next page begins after the last id of this one. Refuses a limit outside 1 to 1000.';
