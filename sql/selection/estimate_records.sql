-- Reads: what the selector reads   Writes: nothing
create or replace function pgjobs.estimate_records(_job_id bigint, _after_key bigint, _end_key bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _plan json;
begin
  execute 'explain (format json) ' || pgjobs.records_statement(_job_id, 0, _after_key, _end_key) into _plan;
  return (_plan -> 0 -> 'Plan' ->> 'Plan Rows')::bigint;
end;
$$;
comment on function pgjobs.estimate_records(bigint, bigint, bigint) is
  'How many records the planner expects behind one key up to another, by the statistics of the tables; reads none of them.';
