-- Reads: items, and what operation_json and operation_summary read   Writes: nothing
create or replace function pgjobs.callback_body(_job public.xmp_jobs, _keys bigint[])
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when _keys is null then jsonb_build_object('job', jsonb_build_object('id', _job.id::text,
      'report', jsonb_build_object('summary', pgjobs.operation_summary(_job))))
    when cardinality(_keys) = 1 then jsonb_build_object('operation', (
      select pgjobs.operation_json(_job, i) from pgjobs.items i where i.job_id = _job.id and i.key = _keys[1]))
    else jsonb_build_object('operations', (
      select coalesce(jsonb_agg(pgjobs.operation_json(_job, i) order by k.place), '[]')
      from unnest(_keys) with ordinality k (key, place)
      join pgjobs.items i on i.job_id = _job.id and i.key = k.key))
  end::text;
$$;
comment on function pgjobs.callback_body(public.xmp_jobs, bigint[]) is
  'What is posted about operations that have ended, {"operation": {...}} where it is one and {"operations": [{...}]} where it is several, or, without keys, about the end of a job, {"job": {"id", "report": {"summary"}}}.';
