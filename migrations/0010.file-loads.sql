-- Who reads a file holds a row of a table of ours, and a type says what becomes of a last line without line end.
-- depends: 0006.look-ups-by-bytes

create table pgjobs.file_loads (
  job_id bigint primary key
);
comment on table pgjobs.file_loads is 'Jobs whose file is being read at this moment: a row that only the reader''s own transaction ever sees.';

alter table public.xmp_job_types
  add column if not exists skip_unended_line boolean not null default true;
comment on column public.xmp_job_types.skip_unended_line is
  'Whether the last line of a file is skipped where it has no line end, for its number may have been cut; false: it is treated as any other.';
