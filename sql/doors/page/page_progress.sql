-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.page_progress(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job constant jsonb := pgjobs.job_json(_id);
begin
  return (_job -> 'progress') || jsonb_build_object('id', _id, 'why', _job -> 'why', 'items', _job -> 'items', 'status', _job -> 'status');
end;
$$;
comment on function pgjobs.page_progress(bigint) is
  'How far a job is, as the jobs page shows it, and why it does not move; null when there is no such job.';
