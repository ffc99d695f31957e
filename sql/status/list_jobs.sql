-- Reads: xmp_jobs, xmp_job_types, job_status   Writes: nothing
create or replace function pgjobs.list_jobs(_status text, _type text, _limit bigint, _before bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _wanted text := replace(_status, 'cancelled', 'canceled');
begin
  if _wanted is not null and pgjobs.next_statuses(_wanted) is null then
    perform pgjobs.refuse('PJ400', 'bad_status', 'status', format('status: %L is unknown', left(_status, 100)),
      'use ready, in progress, canceled, done or error');
  end if;
  if _type is not null and not exists (select from public.xmp_job_types t where t.name = _type) then
    perform pgjobs.refuse('PJ400', 'unknown_type', 'type', format('type: %L is not a registered job type', left(_type, 100)),
      'use one of ' || (select string_agg(t.name, ', ' order by t.name) from public.xmp_job_types t where t.selector is not null));
  end if;
  perform pgjobs.need_limit(_limit);
  return pgjobs.jobs_json(pgjobs.newest_jobs(_wanted, _type, coalesce(_limit, 100), _before));
end;
$$;
comment on function pgjobs.list_jobs(text, text, bigint, bigint) is
  'Jobs as a JSON array, newest first; the next page begins before the last id of this one. Refuses an unknown status or type and a limit outside 1 to 1000.';
