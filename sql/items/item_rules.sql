-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.item_rules(_job_id bigint)
returns table (execution_limit interval, ack_limit interval, retry_limit integer, delay_to_retry interval, retry_results text[], results text[])
language sql
stable
rows 1
set search_path = pg_catalog, pg_temp
as $$
  select t.execution_limit, t.ack_limit, t.retry_limit, t.delay_to_retry, t.retry_results, t.results
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
$$;
comment on function pgjobs.item_rules(bigint) is
  'The rules by which the items of a job end, and are tried again: those of its type as they are now.';
