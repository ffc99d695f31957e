-- Reads: what the selector reads   Writes: nothing
create or replace function pgjobs.open_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint, _zones text[] default null)
returns refcursor
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
as $$
declare
  _records refcursor := 'records';
begin
  open _records no scroll for execute pgjobs.records_statement(_job_id, _shard, _after_key, _end_key, _zones);
  return _records;
end;
$$;
comment on function pgjobs.open_records(bigint, integer, bigint, bigint, text[]) is
  'Opens the cursor "records" over a segment of a shard. Plans that would read or sort everything before the first row are off.';
