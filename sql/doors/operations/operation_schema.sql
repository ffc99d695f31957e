-- Reads: xmp_job_types, xmp_jobs   Writes: nothing
create or replace function pgjobs.operation_schema(_name text, _job text default null)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when _job is null then (pgjobs.operation_type(_name)).params_schema::text
    else (select t.params_schema::text from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
          where _job ~ '^[1-9][0-9]{0,17}$' and j.id = _job::bigint) end;
$$;
comment on function pgjobs.operation_schema(text, text) is
  'The JSON Schema of the parameters of an operation, by its name or, where one is given, by a job; null: there is none.';
