-- Reads: xmp_job_types, xmp_jobs   Writes: nothing
create or replace function pgjobs.operation_schema(_name text, _job text, out schema text, out parameters text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if _job is null then
    schema := (pgjobs.operation_type(_name)).params_schema;
  else
    select t.params_schema, coalesce(j.params -> 'parameters', '{}') into schema, parameters
    from public.xmp_jobs j
    join public.xmp_job_types t on t.name = j.type::text
    where _job ~ '^[1-9][0-9]{0,17}$' and j.id = case when _job ~ '^[1-9][0-9]{0,17}$' then _job::bigint end;
  end if;
end;
$$;
comment on function pgjobs.operation_schema(text, text) is
  'The JSON Schema of the parameters of an operation, by its name or, where one is given, by a job, with the parameters of that job; null: there is none.';
