-- Reads: injection_lines   Writes: injection_lines
create or replace function pgjobs.close_lines(_job_id bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _repeated bigint;
begin
  -- One sort of two short columns instead of an index entry and a look-up for every line.
  update pgjobs.injection_lines l set earlier_line = e.earlier_line
  from (select i.line_no, lag(i.line_no) over (partition by i.msisdn collate "C" order by i.line_no) as earlier_line
        from pgjobs.injection_lines i where i.job_id = _job_id and i.fault is null) e
  where l.job_id = _job_id and l.line_no = e.line_no and e.earlier_line is not null;
  get diagnostics _repeated = row_count;
  return _repeated;
end;
$$;
comment on function pgjobs.close_lines(bigint) is
  'Notes in each line of a job just read the last line before it with the same msisdn; the number of lines that repeat one. Lines with a fault repeat nothing and are not repeated.';
