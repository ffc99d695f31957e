-- Reads: job_outcomes   Writes: nothing
create or replace function pgjobs.page_outcomes(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return pgjobs.list_outcomes(_id);
end;
$$;
comment on function pgjobs.page_outcomes(bigint) is
  'What became of the records of a job so far, as a JSON array, most first. Refuses (PJ404) when there is no such job.';
