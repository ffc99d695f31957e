-- Reads: injection_lines   Writes: file_loads
create or replace function pgjobs.open_lines(_job_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $$
begin
  -- A row of our own table, for anybody who may connect can take any advisory lock. It is gone again at the end of the
  -- transaction, and until then a second loader's insert waits for it.
  insert into pgjobs.file_loads (job_id) values (_job_id) on conflict do nothing;
  if exists (select from pgjobs.injection_lines l where l.job_id = _job_id) then
    delete from pgjobs.file_loads f where f.job_id = _job_id;
    return null;
  end if;
  return 'copy pgjobs.injection_lines (job_id, line_no, raw, msisdn, fault, fault_detail) from stdin';
end;
$$;
comment on function pgjobs.open_lines(bigint) is
  'The COPY that takes the lines of an injection file, to be followed by close_lines in the same transaction; null when the job has its lines already. One loader at a time: another one gets lock_not_available. The msisdn is the first column from its first digit to its last.';
