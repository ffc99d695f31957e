-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.show_job(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job jsonb := pgjobs.job_json(_id);
begin
  if _job is null then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _id), 'look up the id in xmp_jobs');
  end if;
  return _job;
end;
$$;
comment on function pgjobs.show_job(bigint) is 'One job as JSON; refuses (PJ404) when there is none.';
