-- Reads: xmp_jobs, injection_lines, xmp_services   Writes: nothing
create or replace function pgjobs.injection_records_bounds(_job_id bigint)
returns table (start_key bigint, first_key bigint, end_key bigint, total bigint, send_limit bigint)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _type text;
  _params pgjobs.job_params;
  _service bigint;
  _start bigint;
  _end bigint;
begin
  select j.type::text into strict _type from public.xmp_jobs j where j.id = _job_id;
  select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(_type, j.params) p where j.id = _job_id;
  _service := pgjobs.injection_service(_type, _params);
  if _service is not null and not exists (select from public.xmp_services s where s.id = _service) then
    perform pgjobs.refuse('PJ400', 'unknown_service', 'service_id',
      format('params.service_id: %s is not in xmp_services, so there is no price', _service),
      'add the service to xmp_services and resume the job, or insert a new job');
  end if;
  _start := coalesce(_params."offset", 0);
  select max(l.line_no) into _end from pgjobs.injection_lines l where l.job_id = _job_id;
  _end := least(_end, _start + _params.count);
  if _end > _start then
    return query select _start, _start + 1, _end, _end - _start, null::bigint;
  else
    return query select _start, null::bigint, null::bigint, 0::bigint, null::bigint;
  end if;
end;
$$;
comment on function pgjobs.injection_records_bounds(bigint) is
  'The lines an injection job considers: those behind offset, at most count of them. Refuses an unknown service, for it has no price.';
