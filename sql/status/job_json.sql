-- Reads: xmp_jobs, job_status   Writes: nothing
create or replace function pgjobs.job_json(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job jsonb := (
    select jsonb_build_object(
      'id', j.id, 'type', j.type, 'status', j.status, 'id_user', j.id_user, 'created_at', j.created_at::timestamptz,
      'run_at', j.run_at::timestamptz, 'finish_at', j.finish_at::timestamptz, 'params', j.params, 'file_name', j.file_name,
      'log_path', j.log_path, 'active', j.active)
    from public.xmp_jobs j
    where j.id = _id);
begin
  return _job || (
    select jsonb_build_object(
      'progress', jsonb_build_object(
        'owner', s.owner, 'total', s.total, 'considered', coalesce(s.considered, 0), 'sent', coalesce(s.sent, 0),
        'skipped', coalesce(s.skipped, 0), 'returned', coalesce(s.returned, 0), 'percent', coalesce(s.percent, 0),
        'rate', s.records_per_second, 'eta', s.eta, 'log_path', s.log_path, 'started_at', s.started_at, 'updated_at', s.updated_at),
      'why', s.why)
    from pgjobs.job_status s
    where s.id = _id);
exception when others then
  -- A job whose figures cannot be computed is listed and can be stopped all the same.
  return _job || jsonb_build_object(
    'progress', jsonb_build_object(
      'owner', null, 'total', null, 'considered', 0, 'sent', 0, 'skipped', 0, 'returned', 0, 'percent', 0,
      'rate', null, 'eta', null, 'log_path', null, 'started_at', null, 'updated_at', null),
    'why', 'its progress cannot be computed: ' || sqlerrm);
end;
$$;
comment on function pgjobs.job_json(bigint) is
  'One job as JSON: its row, its progress, and why it does not move; null when there is none. Where something of it cannot be computed, the rest is told.';
