-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.operation_parts(_job public.xmp_jobs, out name text, out parameters jsonb, out at bigint, out types text[])
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select to_json(upper(_job.type::text))::text, coalesce(_job.params -> 'parameters', '{}'), floor(extract(epoch from pgjobs.now()) * 1000)::bigint,
         case when _job.params ->> 'resource_type' is null then nullif(t.applicable_to, '{}')
              when t.applicable_to = '{}' or _job.params ->> 'resource_type' = any (t.applicable_to) then array[_job.params ->> 'resource_type']
              else '{}' end
  from public.xmp_job_types t
  where t.name = _job.type::text;
$$;
comment on function pgjobs.operation_parts(public.xmp_jobs) is
  'What the operations of a job have in common: their name as JSON, their parameters, the moment in milliseconds, and the types of entities they are for; null: any.';
