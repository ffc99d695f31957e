-- Reads: the temporary table read_lines   Writes: injection_lines
create or replace function pgjobs.load_lines(_job_id bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _loaded bigint;
begin
  insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn, fault)
  select _job_id, r.line_no, r.raw, coalesce(substring(r.first_column from '[0-9].*[0-9]|[0-9]'), ''), r.fault
  from pg_temp.read_lines r;
  get diagnostics _loaded = row_count;
  return _loaded;
end;
$$;
comment on function pgjobs.load_lines(bigint) is
  'Turns the lines just copied from an injection file into the lines of a job; an msisdn is the first column without what is not a digit at both ends.';
