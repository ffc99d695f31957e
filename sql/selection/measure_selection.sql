-- Reads: xmp_jobs, xmp_job_types, what the selector reads   Writes: nothing
create or replace function pgjobs.measure_selection(_job_id bigint, _shard integer)
returns table (start_key bigint, first_key bigint, end_key bigint, send_limit bigint, estimate bigint)
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
  _before_first bigint;
  _plan json;
begin
  select (pgjobs.read_params(j.type::text, j.params)).* into strict _params from public.xmp_jobs j where j.id = _job_id;
  select * into _bounds from pgjobs.selection_bounds(_job_id, _shard);
  _start := _bounds.start_key;
  if _bounds.first_key is not null and _start is null and _params."offset" > 0 then
    _before_first := case when _params.descending then nullif(_bounds.first_key, 9223372036854775807) + 1
                          else nullif(_bounds.first_key, -9223372036854775808) - 1 end;
    execute format('select s.key from (%s) s where s.code is null offset %s limit 1',
                   pgjobs.records_statement(_job_id, _shard, _before_first, _bounds.end_key), _params."offset" - 1)
      into _start;
    _start := coalesce(_start, _bounds.end_key);
  end if;
  if _bounds.first_key is not null then
    execute 'explain (format json) ' || pgjobs.records_statement(_job_id, _shard, _start, _bounds.end_key) into _plan;
  end if;
  return query
  select _start, _bounds.first_key, _bounds.end_key, _bounds.send_limit,
         least(coalesce(_bounds.total, (_plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint, 0), _bounds.send_limit);
end;
$$;
comment on function pgjobs.measure_selection(bigint, integer) is
  'Where the selection of a shard begins and ends as it is now: the offset becomes the key behind which it starts. May read for a long time, so it locks nothing and is to be called in a READ ONLY transaction with one snapshot; prepare_job() stores what it finds.';
