-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.whole_job(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job constant jsonb := pgjobs.show_job(_id);
begin
  return (
    select jsonb_build_object('revision', j.xmin::text, 'job', _job || jsonb_build_object(
      'priority', j.priority, 'rate', j.rate, 'max_backlog', j.max_backlog, 'stop_at', j.stop_at, 'schedule', j.schedule,
      'budget', j.budget, 'rules', j.rules, 'shards', j.shards, 'callback_url', j.callback_url,
      'media_type', j.media_type, 'reference_id', j.reference_id, 'custom_type', j.custom_type, 'notes', j.notes, 'configuration', j.configuration,
      'idempotency_key', j.idempotency_key, 'guid', pgjobs.guid_of(j.id, j.guid), 'submitted_by', j.submitted_by, 'task_id', j.task_id, 'remark', pgjobs.job_remark(_id)))
    from public.xmp_jobs j where j.id = _id);
end;
$$;
comment on function pgjobs.whole_job(bigint) is
  'One job with everything that can be written, and a remark on what of it is said in vain, as {"revision", "job"}; the revision changes with its row, not with its progress. Refuses (PJ404) when there is none.';
