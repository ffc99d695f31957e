-- Reads: task_runs   Writes: task_progress, task_runs, xmp_jobs (the job that waits)
create or replace function pgjobs.follow_task()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _progress pgjobs.task_progress;
  _occasion timestamptz;
  _changed boolean;
  _columns jsonb;
begin
  if tg_op = 'INSERT' then
    insert into pgjobs.task_progress (task_id) values (new.id);
    perform pgjobs.make_task_job(new.id);
    return null;
  end if;
  if pgjobs.lock_task_job(old.id) is not null then
    select * into _progress from pgjobs.task_progress p where p.task_id = old.id;
    if not exists (select from public.xmp_jobs j where j.id = _progress.job_id and j.status::text = 'ready') then
      -- It went on while its triggers were off.
      update pgjobs.task_progress p set last_occasion = coalesce(p.occasion, p.last_occasion), job_id = null, occasion = null where p.task_id = old.id;
      _progress.job_id := null;
    end if;
  end if;
  if tg_op = 'DELETE' then
    delete from pgjobs.task_progress p where p.task_id = old.id;
    delete from pgjobs.task_runs r where r.task_id = old.id;
    delete from public.xmp_jobs j where j.id = _progress.job_id;
    return null;
  end if;

  _changed := (new.repeating, new.starts_at) is distinct from (old.repeating, old.starts_at);
  if _progress.job_id is null then
    perform pgjobs.make_task_job(new.id, case when _changed then pgjobs.now() end);
    return null;
  end if;
  _occasion := case
    when _progress.runs > new.most_runs then null
    when _changed or new.active and not old.active and _progress.occasion <= pgjobs.now()
      then pgjobs.free_occasion(new, pgjobs.now(), _progress.job_id)
    when _progress.occasion < coalesce(new.stops_at, 'infinity') then _progress.occasion end;
  if _occasion is null then
    -- The occasion is no more, and nobody has begun with its job.
    delete from pgjobs.task_runs r where r.job_id = _progress.job_id;
    update pgjobs.task_progress p
    set job_id = null, occasion = null, check_at = null, runs = p.runs - 1, finished_at = pgjobs.now()
    where p.task_id = new.id;
    delete from public.xmp_jobs j where j.id = _progress.job_id;
    return null;
  end if;
  update pgjobs.task_runs r set occasion = _occasion where r.job_id = _progress.job_id and r.occasion <> _occasion;
  update pgjobs.task_progress p set occasion = _occasion, check_at = case when new.active then _occasion end where p.task_id = new.id;
  -- What somebody has changed in the row of the job stays, unless the same is changed here.
  select jsonb_object_agg(c.key, c.value) into _columns
  from jsonb_each(pgjobs.task_columns(new)
    || jsonb_build_object('active', new.active)
    || jsonb_build_object('run_at', _occasion)) c
  where c.value is distinct from
    (pgjobs.task_columns(old) || jsonb_build_object('active', old.active, 'run_at', _progress.occasion)) -> c.key;
  if _columns is not null then
    execute (select format('update public.xmp_jobs set (%s) = row (%s) where id = %L', string_agg(quote_ident(c.key), ', '),
                           string_agg(quote_nullable(c.value #>> '{}'), ', '), _progress.job_id)
             from jsonb_each(_columns) c);
  end if;
  return null;
end;
$$;
comment on function pgjobs.follow_task() is
  'Trigger: makes the first job of a new task; brings the job that waits in step with a task that was changed (to another occasion, held, let go, with other params, or away where it has no occasion any more); takes it along with a task that is deleted.';
