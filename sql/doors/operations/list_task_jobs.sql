-- Reads: task_runs, task_progress, xmp_jobs, and what operation_job_json reads   Writes: nothing
create or replace function pgjobs.list_task_jobs(_id text, _page bigint, _size bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _number constant bigint := pgjobs.operation_task_id(_id);
  _runs bigint;
  _listed jsonb;
begin
  _page := greatest(coalesce(_page, 1), 1);
  _size := pgjobs.page_size(_size);
  select p.runs into _runs from pgjobs.task_progress p where p.task_id = _number;
  if (_page - 1)::numeric * _size >= _runs then
    return null;
  end if;
  select jsonb_agg(pgjobs.operation_job_json(j) order by r.occasion desc) into _listed
  from (select k.* from pgjobs.task_runs k where k.task_id = _number order by k.occasion desc offset (_page - 1) * _size limit _size) r
  join public.xmp_jobs j on j.id = r.job_id;
  return jsonb_build_object('job', l.jobs, 'jobs', l.jobs, 'page', jsonb_build_object('number', _page, 'of', ceil(_runs::numeric / _size)))
  from (select _listed as jobs where _listed is not null) l;
end;
$$;
comment on function pgjobs.list_task_jobs(text, bigint, bigint) is
  'A page of the jobs that a task has made, the one of the last occasion first, under both job and jobs: {"job", "jobs", "page": {"number", "of"}}, of 10 or so many, at most 1000; null behind the last one. Refuses (PJ400, PJ404).';
