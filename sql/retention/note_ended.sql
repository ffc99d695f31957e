-- Reads: xmp_job_types   Writes: ended_jobs
create or replace function pgjobs.note_ended(_job_id bigint, _type text, _at timestamptz)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.ended_jobs (type, at, job_id)
  select t.name, _at, _job_id from public.xmp_job_types t where t.name = _type and t.keep_the_last is not null
  on conflict do nothing;
$$;
comment on function pgjobs.note_ended(bigint, text, timestamptz) is
  'Notes that a job has ended for good, where its type keeps the last ones alone.';
