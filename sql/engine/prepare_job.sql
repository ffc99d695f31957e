-- Reads: xmp_jobs, xmp_job_types, what the selector reads   Writes: progress
create or replace function pgjobs.prepare_job(_job_id bigint, _shard integer, _epoch bigint)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
as $$
declare
  _params pgjobs.job_params;
  _bounds record;
  _start bigint;
  _plan json;
begin
  select (pgjobs.read_params(j.params)).* into strict _params from public.xmp_jobs j where j.id = _job_id;
  select * into _bounds from pgjobs.selection_bounds(_job_id, _shard);
  update pgjobs.progress p
  set first_key = _bounds.first_key
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.prepared_at is null;
  _start := _bounds.start_key;
  if _bounds.first_key is not null and _start is null and _params."offset" > 0 then
    execute format('select s.key from (%s) s where s.reason is null offset %s limit 1',
                   pgjobs.records_statement(_job_id, _shard, null, _bounds.end_key), _params."offset" - 1)
      into _start;
    _start := coalesce(_start, _bounds.end_key);
  end if;
  if _bounds.first_key is not null then
    execute 'explain (format json) ' || pgjobs.records_statement(_job_id, _shard, _start, _bounds.end_key) into _plan;
  end if;
  update pgjobs.progress p
  set prepared_at = clock_timestamp(), start_key = _start, after_key = _start, in_flight_to = _start,
      end_key = _bounds.end_key, send_limit = _bounds.send_limit,
      estimate = least(coalesce(_bounds.total, (_plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint, 0), _bounds.send_limit)
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp();
  return case when found then 'go' end;
end;
$$;
comment on function pgjobs.prepare_job(bigint, integer, bigint) is
  'Fixes once where a shard begins and ends: the offset becomes a key, the last key of today''s selection the end. From here on a run continues by key alone. Null: fenced out.';
