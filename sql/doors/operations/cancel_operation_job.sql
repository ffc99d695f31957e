-- Reads: xmp_jobs   Writes: what cancel_job writes
create or replace function pgjobs.cancel_operation_job(_id text, _actor text, _revisions text[], out answer jsonb, out revision text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _number constant bigint := pgjobs.operation_job_id(_id);
  _job public.xmp_jobs;
begin
  select * into _job from public.xmp_jobs j where j.id = _number for update;
  perform pgjobs.expect_revision(_number, _revisions);
  if pgjobs.job_state(_job) in ('cancelling', 'cancelled', 'finished', 'ended_broken') then
    perform pgjobs.refuse_job_state(format('job %s has ended, so there is nothing to cancel', _number), '');
  end if;
  perform pgjobs.cancel_job(_number, _actor);
  select pgjobs.operation_job_json(j), j.xmin::text into answer, revision from public.xmp_jobs j where j.id = _number;
end;
$$;
comment on function pgjobs.cancel_operation_job(text, text, text[]) is
  'Cancels a job of the operations for good; refuses (PJ404, PJ409, PJ412) where there is none, it has ended, or is at none of these revisions. Answers with the job.';
