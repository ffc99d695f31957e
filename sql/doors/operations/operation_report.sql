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
    'summary', pgjobs.operation_summary(_job))
    || case when (_job.rules ->> 'retry_limit')::integer > 0 and _job.rules -> 'retry_results' = '[]' then
         '{"warnings": ["operationParameters.retries has no effect: retryResultList names no result after which there is a further attempt"]}'::jsonb
       else '{}' end;
$$;
comment on function pgjobs.operation_report(public.xmp_jobs) is
  'How a job stands, as the operations report it: when it was made active, when it started and ended, its summary, and in warnings what has no effect.';
