-- Reads: xmp_jobs, xmp_retries_expired   Writes: nothing
create or replace function pgjobs.expired_records_bounds(_job_id bigint)
returns table (start_key bigint, first_key bigint, end_key bigint, total bigint, send_limit bigint)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _params pgjobs.job_params;
begin
  select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id;
  return query execute format(
    'select null::bigint, case when $1 then max(r.id) else min(r.id) end::bigint, case when $1 then min(r.id) else max(r.id) end::bigint,'
    ' null::bigint, $2 from public.xmp_retries_expired r where true%s', pgjobs.expired_filter(_params, 'r'))
    using _params.descending, _params.count;
end;
$$;
comment on function pgjobs.expired_records_bounds(bigint) is
  'First and last retry of a selection of type expired, by its filters alone; at most count of them are sent.';
