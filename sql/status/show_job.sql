-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.show_job(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_job(_id);
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.show_job(bigint) is 'One job as JSON; refuses (PJ404) when there is none.';
