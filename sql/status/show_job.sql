-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.show_job(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job constant jsonb := pgjobs.jobs_json(array[_id]) -> 0;
begin
  if _job is null then
    perform pgjobs.need_job(_id);
  end if;
  return _job;
end;
$$;
comment on function pgjobs.show_job(bigint) is 'One job as JSON; refuses (PJ404) when there is none.';
