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
    || coalesce((
      select jsonb_build_object('warnings', jsonb_agg(w.said order by w.place)) from (
        select 1 as place, 'operationParameters.retries has no effect: retryResultList names no result after which there is a further attempt' as said
        where (_job.rules ->> 'retry_limit')::integer > 0 and _job.rules -> 'retry_results' = '[]'
        union all
        select 2, 'schedule.scattering.strategy: factor and field have no effect: operations go out evenly, in the order in which the directory has their entities'
        where (_job.schedule #>> '{scattering,factor}')::numeric > 0
      ) w
      having count(*) > 0), '{}');
$$;
comment on function pgjobs.operation_report(public.xmp_jobs) is
  'How a job stands, as the operations report it: when it was made active, when it started and ended, its summary, and in warnings what has no effect.';
