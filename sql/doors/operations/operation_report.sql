-- Reads: shards, and what operation_summary reads   Writes: nothing
create or replace function pgjobs.operation_report(_job public.xmp_jobs)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'execution', jsonb_strip_nulls(jsonb_build_object(
      'activatedDate', _job.activated_at,
      'startedDate', (select min(p.started_at) from pgjobs.shards p where p.job_id = _job.id),
      'finishedDate', _job.finish_at)),
    'summary', pgjobs.operation_summary(_job));
$$;
comment on function pgjobs.operation_report(public.xmp_jobs) is
  'How a job stands, as the operations report it: when it was made active, when it started and ended, and its summary.';
