-- Reads: xmp_jobs, job_outcomes   Writes: nothing
create or replace function pgjobs.list_outcomes(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_job(_id);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('action', o.action, 'code', o.code, 'reason', o.reason, 'records', o.records)
                              order by o.records desc, o.action, o.code), '[]')
    from pgjobs.job_outcomes o where o.job_id = _id);
end;
$$;
comment on function pgjobs.list_outcomes(bigint) is
  'What became of the records of a job so far, as a JSON array: action, code, the code in words, and how many, most first; the sum is what was considered. Refuses (PJ404) when there is no such job.';
