-- Reads: injection_lines   Writes: the temporary table read_lines
create or replace function pgjobs.begin_lines(_job_id bigint)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('pgjobs.lines', _job_id));
  if exists (select from pgjobs.injection_lines l where l.job_id = _job_id) then
    return false;
  end if;
  create temporary table read_lines (line_no bigint, raw bytea, first_column text, fault text) on commit drop;
  return true;
end;
$$;
comment on function pgjobs.begin_lines(bigint) is
  'Makes the table that the lines of an injection file are copied into, for the length of the transaction; false when the job has its lines already. One loader at a time.';
