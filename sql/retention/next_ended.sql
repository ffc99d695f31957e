-- Reads: xmp_jobs, task_progress   Writes: nothing
create or replace function pgjobs.next_ended(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns table (id bigint, ended_at timestamptz)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _rule.what = 'tasks' then
    return query
    select p.task_id, p.finished_at
    from pgjobs.task_progress p
    where p.finished_at >= _rule.done_to and (p.finished_at, p.task_id) > (_rule.done_to, _rule.done_id) and p.finished_at < _until
    order by p.finished_at, p.task_id
    limit _most;
  else
    return query
    select j.id::bigint, j.finish_at::timestamptz
    from public.xmp_jobs j
    where j.finish_at >= _rule.done_to and (j.finish_at, j.id) > (_rule.done_to, _rule.done_id) and j.finish_at < _until
    order by j.finish_at, j.id
    limit _most;
  end if;
end;
$$;
comment on function pgjobs.next_ended(pgjobs.retention, timestamptz, bigint) is
  'The jobs, or for the rule of tasks the tasks, that ended before a moment and that a rule has not come to yet, in the order of their ends; so many at most.';
