-- Reads: injection_lines   Writes: injection_lines
create or replace function pgjobs.close_lines(_job_id bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  _repeated bigint;
begin
  -- One sort of two short columns instead of an index entry and a look-up for every line. Back to the line by its place:
  -- of lines just read the statistics know nothing, and a join by job and number may be planned as a loop in a loop,
  -- or as a reading of all jobs' lines.
  update pgjobs.injection_lines l set earlier_line = e.earlier_line
  from (select i.ctid as place, lag(i.line_no) over (partition by i.msisdn collate "C" order by i.line_no) as earlier_line
        from pgjobs.injection_lines i where i.job_id = _job_id and i.fault is null) e
  where l.ctid = e.place and e.earlier_line is not null;
  get diagnostics _repeated = row_count;
  return _repeated;
end;
$$;
comment on function pgjobs.close_lines(bigint) is
  'Notes in each line of a job just read the last line before it with the same msisdn; the number of lines that repeat one. Lines with a fault repeat nothing and are not repeated.';
