-- Reads: xmp_jobs, xmp_job_types   Writes: injection_lines, file_loads
create or replace function pgjobs.close_lines(_job_id bigint, _unended boolean default false)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  _repeated bigint;
begin
  if _unended and exists (
    select from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
    where j.id = _job_id and t.skip_unended_line)
  then
    update pgjobs.injection_lines l set fault = 'incomplete_line'
    where l.job_id = _job_id and l.fault is null
      and l.line_no = (select max(i.line_no) from pgjobs.injection_lines i where i.job_id = _job_id);
  end if;
  -- One sort of two short columns instead of an index entry and a look-up for every line. Back to the line by its place:
  -- of lines just read the statistics know nothing, and a join by job and number may be planned as a loop in a loop,
  -- or as a reading of all jobs' lines.
  update pgjobs.injection_lines l set earlier_line = e.earlier_line
  from (select i.ctid as place, lag(i.line_no) over (partition by i.msisdn collate "C" order by i.line_no) as earlier_line
        from pgjobs.injection_lines i where i.job_id = _job_id and i.fault is null) e
  where l.ctid = e.place and e.earlier_line is not null;
  get diagnostics _repeated = row_count;
  delete from pgjobs.file_loads f where f.job_id = _job_id;
  return _repeated;
end;
$$;
comment on function pgjobs.close_lines(bigint, boolean) is
  'Ends the loading of a job''s lines. Where the last one has no line end and the type says skip_unended_line, it gets a fault: its number may be cut. Notes in each line of a job just read the last line before it with the same msisdn; the number of lines that repeat one. Lines with a fault repeat nothing and are not repeated.';
