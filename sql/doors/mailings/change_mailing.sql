-- Reads: xmp_jobs, shards   Writes: xmp_jobs
create or replace function pgjobs.change_mailing(_id bigint, _given jsonb, _partly boolean, _actor text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job constant public.xmp_jobs := pgjobs.expect_mailing(_id);
  _answer json;
begin
  perform pgjobs.set_actor(_actor);
  if _job.status::text not in ('ready', 'canceled') or exists (select from pgjobs.shards p where p.job_id = _id and p.started_at is not null)
     or exists (select from pgjobs.cancellations c where c.job_id = _id) then
    perform pgjobs.refuse('PJ400', 'started', 'non_field_errors', format('mailing %s has started, and can''t be changed', _id), 'create a new mailing', '');
  end if;
  update public.xmp_jobs j
  set params = r.params, run_at = r.run_at, stop_at = r.stop_at, schedule = r.schedule
  from pgjobs.read_mailing(_given, _id, case when _partly then to_jsonb(pgjobs.mailing_json(_job)) - 'id' end) r
  where j.id = _id
  returning pgjobs.mailing_json(j) into _answer;
  return _answer;
end;
$$;
comment on function pgjobs.change_mailing(bigint, jsonb, boolean, text) is
  'Changes a mailing that has not started, wholly or only the fields that are given; refuses (PJ404, PJ400). Answers with the mailing.';
