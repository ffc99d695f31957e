-- Reads: items   Writes: xmp_jobs (active, run_at)
create or replace function pgjobs.activate_operation_job(_job_id bigint, _refused jsonb default '{}')
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _job public.xmp_jobs;
begin
  select * into strict _job from public.xmp_jobs j where j.id = _job_id;
  perform pgjobs.expect_entities(_job, _refused);
  _job.run_at := pgjobs.read_operation_start(_job.request #> '{schedule,start}');
  perform pgjobs.read_operation_stop(_job.request #> '{schedule,stop}', _job.run_at::timestamptz);
  update public.xmp_jobs j set active = true, run_at = _job.run_at where j.id = _job_id;
end;
$$;
comment on function pgjobs.activate_operation_job(bigint, jsonb) is
  'Makes an operation job active that has not started: it starts as its request says, counted from now. Refuses (PJ400) one without entities, and one that would stop before it starts. _refused: entities of this request that it can''t have, as add_operation_targets() says it.';
