-- Reads: item_retries   Writes: nothing
create or replace function pgjobs.message_json(_item pgjobs.items)
returns json
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select json_build_object(
    'id', _item.job_id || '-' || _item.key, 'mailing', _item.job_id, 'client', _item.key & 1099511627775, 'status', pgjobs.message_status(_item.status),
    'attempts', _item.attempts, 'queued_at', pgjobs.instant_text(_item.launched_at), 'closed_at', pgjobs.instant_text(_item.closed_at),
    'next_attempt_at', case when _item.status = 'r' then pgjobs.instant_text((
      select r.due_at from pgjobs.item_retries r where r.job_id = _item.job_id and r.key = _item.key)) end,
    'result', _item.result, 'description', _item.description, 'sent_late', coalesce(_item.answer = 'G', false), 'agent', _item.agent, 'steps', _item.steps);
$$;
comment on function pgjobs.message_json(pgjobs.items) is
  'What is known of a message: when it last went to the queue and when it was closed, how often, what its consumer said. Neither phone nor text.';
