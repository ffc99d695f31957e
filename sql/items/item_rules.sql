-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.item_rules(_job_id bigint)
returns table (execution_limit interval, ack_limit interval, retry_limit integer, delay_to_retry interval, retry_growth numeric, retry_results text[], results text[], notifies boolean)
language sql
stable
rows 1
set search_path = pg_catalog, pg_temp
as $$
  select
    case when j.rules ? 'execution_limit' then (j.rules ->> 'execution_limit')::interval else t.execution_limit end,
    case when j.rules ? 'ack_limit' then (j.rules ->> 'ack_limit')::interval else t.ack_limit end,
    coalesce((j.rules ->> 'retry_limit')::integer, t.retry_limit),
    coalesce((j.rules ->> 'delay_to_retry')::interval, t.delay_to_retry),
    t.retry_growth,
    case when not j.rules ? 'retry_results' then t.retry_results
         when j.rules -> 'retry_results' <> 'null' then array(select r.name from jsonb_array_elements_text(j.rules -> 'retry_results') r (name)) end,
    t.results,
    j.notify and j.callback_url is not null
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
$$;
comment on function pgjobs.item_rules(bigint) is
  'The rules by which the items of a job end, and are tried again, as they are now: its own, and where it has none those of its type. notifies: their ends are told to the callback address of the job.';
