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
  _filter text;
  _least bigint;
  _greatest bigint;
begin
  select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id;
  _filter := pgjobs.expired_filter(_params, 'r');
  if _filter = '' then
    -- The plan of this one is kept.
    select min(r.id), max(r.id) into _least, _greatest from public.xmp_retries_expired r;
  else
    execute 'select min(r.id), max(r.id) from public.xmp_retries_expired r where true' || _filter into _least, _greatest;
  end if;
  return query select null::bigint, case when _params.descending then _greatest else _least end,
    case when _params.descending then _least else _greatest end, null::bigint, _params.count;
end;
$$;
comment on function pgjobs.expired_records_bounds(bigint) is
  'First and last retry of a selection of type expired, by its filters alone; at most count of them are sent.';
