-- Reads: nothing   Writes: nothing
create or replace function pgjobs.row_json(_job public.xmp_jobs)
returns jsonb
language sql
stable
as $$
  select jsonb_build_object(
    'id', _job.id, 'type', _job.type, 'name', _job.name, 'status', _job.status, 'id_user', _job.id_user, 'created_at', _job.created_at::timestamptz,
    'run_at', _job.run_at::timestamptz, 'finish_at', _job.finish_at::timestamptz, 'params', _job.params, 'file_name', _job.file_name,
    'log_path', _job.log_path, 'active', _job.active);
$$;
comment on function pgjobs.row_json(public.xmp_jobs) is
  'A row of xmp_jobs as JSON, as every door shows it; moments are shown in the time zone of the caller.';
