-- Reads: task_progress   Writes: nothing
create or replace function pgjobs.operation_task_json(_task pgjobs.tasks)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object(
    'id', _task.id::text,
    'name', _task.name,
    'description', _task.description,
    'active', _task.active,
    'status', s.state,
    'state', s.state,
    'job', jsonb_build_object('request', jsonb_build_object('name', upper(_task.type), 'parameters', coalesce(_task.params -> 'parameters', '{}'),
      'schedule', '{}'::jsonb) || coalesce(_task.request, '{}')),
    'schedule', jsonb_build_object(
        'start', jsonb_build_object('date', _task.starts_at),
        'repeating', case
          when _task.repeating ? 'period' then _task.repeating || '{"pattern": null}'
          -- As the vendor's platform shows it, whose callers compare it letter by letter.
          else jsonb_build_object('period', null, 'pattern', (_task.repeating -> 'pattern') - 'daily'
            || jsonb_build_object('definedPatternNumber', case when _task.repeating -> 'pattern' ? 'daily' then 0 else 1 end)) end)
      || case when _task.stops_at is not null then jsonb_build_object('stop', jsonb_build_object('date', _task.stops_at))
              when _task.most_runs is not null then jsonb_build_object('stop', jsonb_build_object('executions', _task.most_runs))
              else '{}' end,
    'executions', coalesce(p.runs, 0),
    'user', pgjobs.operation_user(_task.submitted_by))
  from (select pgjobs.task_state(_task.id) as state) s
  left join pgjobs.task_progress p on p.task_id = _task.id;
$$;
comment on function pgjobs.operation_task_json(pgjobs.tasks) is
  'A task as the operations show it: state, what each of its jobs is asked for, and the schedule; executions: how many jobs it has made.';
