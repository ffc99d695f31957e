-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.injection_service(_type text, _params pgjobs.job_params)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(_params.service_id, pgjobs.read_number(t.defaults, 'service_id'), pgjobs.read_number(t.defaults, 'service_code'))
  from public.xmp_job_types t
  where t.name = _type;
$$;
comment on function pgjobs.injection_service(text, pgjobs.job_params) is
  'The service that the messages of an injection carry: of the job''s params, else of the type''s defaults; null where neither names one.';
