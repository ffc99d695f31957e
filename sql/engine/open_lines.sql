-- Reads: injection_lines   Writes: nothing
create or replace function pgjobs.open_lines(_job_id bigint)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('pgjobs.lines', _job_id));
  return case when not exists (select from pgjobs.injection_lines l where l.job_id = _job_id) then
    'copy pgjobs.injection_lines (job_id, line_no, raw, msisdn, fault) from stdin' end;
end;
$$;
comment on function pgjobs.open_lines(bigint) is
  'The COPY that takes the lines of an injection file, to be followed by close_lines in the same transaction; null when the job has its lines already. One loader at a time. The msisdn is the first column from its first digit to its last.';
