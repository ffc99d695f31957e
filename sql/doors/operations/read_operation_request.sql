-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.read_operation_request(_request jsonb, _resource_type text, _most integer, out job public.xmp_jobs, out added jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _schedule constant jsonb := nullif(_request -> 'schedule', 'null');
  _parameters constant jsonb := coalesce(nullif(_request -> 'parameters', 'null'), '{}');
  _type public.xmp_job_types;
  _target record;
  _stop record;
  _callback text;
begin
  if _request is null then
    perform pgjobs.refuse('PJ400', 'bad_request', 'request', 'request: it is missing', 'send {"job": {"request": {"name": "..."}}}');
  end if;
  perform pgjobs.check_known_keys(_request, '', '{name,active,notify,callback,userNotes,parameters,schedule,operationParameters,target}');
  job.name := pgjobs.read_given_text(_request -> 'name', 'name', 200);
  _type := pgjobs.operation_type(job.name);
  if _type.name is null then
    perform pgjobs.refuse('PJ400', 'unknown_operation', 'name', format('name: there is no operation %L', left(coalesce(job.name, ''), 100)),
      coalesce('use one of ' || (select string_agg(upper(t.name), ', ' order by t.name) from public.xmp_job_types t
                                 where 'operations' = any (t.doors) and t.selector is not null), 'no type of the registry is for this door'));
  end if;
  job.name := upper(_type.name);
  job.type := _type.name;
  if jsonb_typeof(_parameters) <> 'object' then
    perform pgjobs.refuse('PJ400', 'bad_parameter', 'parameters', 'parameters: it has to be a JSON object', 'write {} for none');
  end if;
  if _resource_type is not null then
    if _resource_type <> all (pgjobs.applicable_to('{}') || _type.applicable_to) then
      perform pgjobs.refuse('PJ400', 'bad_resource_type', 'resourceType', format('resourceType: there is no type of entities %L', left(_resource_type, 100)),
        'use one of ' || array_to_string(pgjobs.applicable_to('{}'), ', '));
    elsif _resource_type <> all (pgjobs.applicable_to(_type.applicable_to)) then
      perform pgjobs.refuse('PJ400', 'not_applicable', 'resourceType', format('resourceType: operation %s is not for %s', job.name, _resource_type),
        'it is for ' || array_to_string(pgjobs.applicable_to(_type.applicable_to), ', '));
    end if;
  end if;
  job.active := coalesce(pgjobs.read_given_flag(_request -> 'active', 'active'), true);
  job.notify := coalesce(pgjobs.read_given_flag(_request -> 'notify', 'notify'), false);
  job.notes := pgjobs.read_given_text(_request -> 'userNotes', 'userNotes', 10000);
  job.callback_url := pgjobs.read_given_text(_request -> 'callback', 'callback', 2000);
  perform pgjobs.check_callback(job.callback_url, 'callback');
  job.rules := pgjobs.read_operation_rules(nullif(_request -> 'operationParameters', 'null'), _type.results);
  job.schedule := pgjobs.read_operation_schedule(_schedule);
  job.run_at := pgjobs.read_operation_start(_schedule -> 'start');
  select * into _stop from pgjobs.read_operation_stop(_schedule -> 'stop', job.run_at::timestamptz);
  job.stop_at := _stop.stop_at;
  job.schedule := job.schedule || jsonb_strip_nulls(jsonb_build_object('stop_after', _stop.stop_after));
  select * into _target from pgjobs.read_operation_target(nullif(_request -> 'target', 'null'), _most);
  if cardinality(_target.removed) > 0 then
    perform pgjobs.refuse('PJ400', 'forbidden_field', 'target.remove', 'target.remove: a new job has no entities that could be removed', 'leave it out');
  end if;
  if _target.kind is null and job.active then
    perform pgjobs.refuse('PJ400', 'no_target', 'target', 'target: it names nothing, and an active job needs a target', 'name entities, tags or a filter, or set active to false');
  end if;
  if _target.filter is not null then
    perform pgjobs.filter_condition(_target.filter, pgjobs.entity_fields());
  end if;
  added := _target.added;
  job.params := jsonb_strip_nulls(jsonb_build_object('resource_type', _resource_type, 'tags', _target.tags))
    || jsonb_build_object('parameters', _parameters)
    || case when _target.filter is not null then jsonb_build_object('filter', _target.filter) else '{}' end
    -- A job without a target is one that entities can be appended to.
    || case when coalesce(_target.kind, 'entities') = 'entities' then '{"listed": true}'::jsonb else '{}' end;
  -- Entities become items of the job; what it shows again is how they were chosen otherwise.
  job.request := case when _target.kind = 'entities' then _request - 'target' else _request end;
end;
$$;
comment on function pgjobs.read_operation_request(jsonb, text, integer) is
  'The request of an operation job as columns of xmp_jobs: those of a job that is inserted now, and of a task that makes such jobs; added: the entities that it names, [{"id", "parameters"}], of which _most may come at once. Refuses (PJ400) what can''t be right, naming the field.';
