-- Reads: entities, item_bodies   Writes: nothing
create or replace function pgjobs.operation_json(_job public.xmp_jobs, _item pgjobs.items, _body bytea default null)
returns jsonb
language sql
stable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it, for each of a thousand operations.
  select jsonb_build_object(
      'operationId', _item.job_id || '-' || _item.key,
      'jobId', _item.job_id::text,
      'entityId', pgjobs.readable(_item.target),
      'resourceType', (select e.type from pgjobs.entities e where e.number = _item.key),
      'name', upper(_job.type::text),
      'parameters', coalesce(convert_from(coalesce(_body, (
          select b.bodies[array_position(b.keys, _item.key)] from pgjobs.item_bodies b
          where b.job_id = _item.job_id and b.from_key <= _item.key
          order by b.from_key desc
          limit 1)), 'UTF8')::jsonb #> '{operation,request,parameters}', _job.params -> 'parameters', '{}'),
      'attempts', jsonb_build_object('total', coalesce((_job.rules ->> 'retry_limit')::integer, 0) + 1, 'current', _item.attempts),
      'notify', _job.notify,
      'execution', jsonb_strip_nulls(jsonb_build_object(
        'createdDate', _job.created_at, 'activatedDate', _job.activated_at, 'startedDate', _item.launched_at,
        'acknowledgedDate', _item.acked_at, 'finishedDate', _item.closed_at)),
      'user', pgjobs.operation_user(_job.submitted_by),
      'status', case when _item.status = 'w' and _job.status::text = 'ready' and _job.active then 'SCHEDULED' else pgjobs.operation_status(_item.status) end,
      'result', pgjobs.operation_result(_item.status, _item.result),
      'description', _item.description,
      'date', coalesce(_item.closed_at, _item.acked_at, _item.launched_at, _job.activated_at, _job.created_at::timestamptz),
      'steps', pgjobs.operation_steps(_item.steps));
$$;
comment on function pgjobs.operation_json(public.xmp_jobs, pgjobs.items, bytea) is
  'An operation, which is an item of a job, as the door of the operations shows it. _body: what it sends, where whoever calls has it already.';
