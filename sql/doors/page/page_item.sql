-- Reads: xmp_jobs, xmp_job_types, items, item_bodies, item_retries, item_launches, item_offers, entities, job_uncertain, and what page_head and item_rules read   Writes: nothing
create or replace function pgjobs.page_item(_id bigint, _key bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_seqscan = off
as $$
declare
  _head constant jsonb := pgjobs.page_head(_id);
  _most constant integer := 65536;
  _most_steps constant integer := 500;
  _item pgjobs.items;
  _shard integer;
  _job jsonb;
  _rules record;
  _body bytea;
  _routing_key text;
  _celery boolean;
  _text text;
begin
  select i.* into _item from pgjobs.items i where i.job_id = _id and i.key = _key;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_item', 'key', format('job %s has no item %s', _id, _key),
      coalesce(case when not exists (select from pgjobs.items i where i.job_id = _id) then pgjobs.no_items_reason(_id) end, 'look it up in the list of its items'));
  end if;
  _shard := pgjobs.shard_of(_id, _key);
  select * into _rules from pgjobs.item_rules(_id);
  select b.bodies[array_position(b.keys, _key)], b.routing_keys[array_position(b.keys, _key)] into _body, _routing_key
  from pgjobs.item_bodies b
  where b.job_id = _id and b.from_key <= _key
  order by b.from_key desc
  limit 1;
  _celery := (select t.format = 'celery' from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text where j.id = _id);
  _text := pgjobs.readable(_body);
  return (
    select jsonb_build_object(
      'job', _head,
      'item', jsonb_build_object(
        'key', _key::text, 'id', _id || '-' || _key,
        'message_id', case when _item.attempts > 0 then concat_ws('-', _id, _key, _item.attempts) end,
        'action_type', pgjobs.clipped(coalesce(case when _celery then substring(_text from '"task"\s*:\s*"([^"\\]{1,200})"') end, t.title, j.type::text), 200),
        'media_type', pgjobs.clipped(coalesce(e.type, j.media_type), 200),
        'reference_id', pgjobs.clipped(coalesce(g.target, j.reference_id), 10000), 'searched', case when length(g.target) between 1 and 500 then g.target end,
        'status', w.page, 'state', w.plain, 'started_at', _item.launched_at, 'acked_at', _item.acked_at, 'ended_at', _item.closed_at,
        'attempts', _item.attempts, 'retries', greatest(_item.attempts - 1, 0), 'most_attempts', _rules.retry_limit + 1,
        'result', _item.result, 'meaning', pgjobs.code_meaning(_item.result), 'description', _item.description, 'agent', _item.agent,
        'routing_key', _routing_key, 'shard', _shard,
        'parameters', pgjobs.clipped(pgjobs.item_parameters(_body), _most),
        'body', case when pgjobs.item_parameters(_body) <> _text then pgjobs.clipped(_text, _most) end,
        'not_kept', case
          when _body is not null then null
          when _item.code is not null then 'It was refused before a message was made for it.'
          else 'What its message carried is not kept any more.' end,
        -- Whether an answer came when it was too late to count.
        'late', case _item.answer
          when 'G' then 'A good answer came when its time was over. It changed nothing.'
          when 'B' then 'An answer that was not good came when its time was over. It changed nothing.' end,
        'answered', case when _item.status in ('w', 'r') and _item.answer in ('s', 'f', 't', 'r') then
          'An answer has come. It counts from the next checkpoint of the job on.' end,
        'uncertain', exists (
          select from pgjobs.job_uncertain u
          where u.job_id = _id and u.shard = _shard and case when r.descending
            then _key >= u.to_key and coalesce(_key < u.after_key, true) else _key <= u.to_key and coalesce(_key > u.after_key, true) end)),
      'launch', (
        select jsonb_build_object('from_key', l.from_key::text, 'to_key', l.to_key::text, 'items', cardinality(l.keys))
        from pgjobs.item_launches l
        where l.job_id = _id and l.shard = _shard and l.acked in (false, true) and l.launched_at = _item.launched_at
          and _key between l.from_key and l.to_key and (l.keys is null or _key = any (l.keys)) and _item.status = 'l'
        limit 1),
      'ends_at', case when _item.status = 'l' then
        _item.launched_at + case when _item.acked_at is null then least(_rules.execution_limit, _rules.ack_limit) else _rules.execution_limit end end,
      'retry', case when _item.status = 'r' then (
        select jsonb_build_object('attempt', a.attempt, 'due_at', a.due_at) from pgjobs.item_retries a where a.job_id = _id and a.key = _key) end,
      'offer', (
        select jsonb_build_object('agent', o.agent, 'until', case when isfinite(o.lease_until) then o.lease_until end)
        from pgjobs.item_offers o where o.job_id = _id and o.key = _key),
      'steps', pgjobs.shown_steps(_item.steps, _most_steps),
      'steps_in_all', case when jsonb_typeof(_item.steps) = 'array' then jsonb_array_length(_item.steps) else 0 end,
      -- As add_steps() has it: behind so many bytes those of further answers are left out.
      'steps_full', coalesce(octet_length(_item.steps::text) > _most, false),
      'further_steps', greatest(0, case when jsonb_typeof(_item.steps) = 'array' then jsonb_array_length(_item.steps) - _most_steps else 0 end),
      'previous', (select i.key::text from pgjobs.items i where i.job_id = _id and i.key < _key order by i.key desc limit 1),
      'next', (select i.key::text from pgjobs.items i where i.job_id = _id and i.key > _key order by i.key limit 1))
    from public.xmp_jobs j
    cross join pgjobs.read_params(j.type::text, j.params) r
    cross join pgjobs.item_words(_item.status) w
    cross join (select pgjobs.readable(_item.target) as target offset 0) g
    left join public.xmp_job_types t on t.name = j.type::text
    left join pgjobs.entities e on e.number = _key and e.id = g.target
    where j.id = _id);
end;
$$;
comment on function pgjobs.page_item(bigint, bigint) is
  'All that is known of an item, as JSON for the jobs page: its columns, what its message carried, its attempt under way and until when it lasts, the further attempt that it waits for, its steps, those of earlier attempts as well, and its neighbours. Refuses (PJ404) where there is none.';
