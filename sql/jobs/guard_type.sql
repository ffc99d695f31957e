-- Reads: xmp_jobs, shards, cancellations, tasks, pg_proc   Writes: the row that is being written
create or replace function pgjobs.guard_type()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _begun bigint;
  _result text;
  _table constant text := 'public.xmp_job_types';
  _field text;
begin
  if tg_op = 'DELETE' then
    select format('job %s', min(j.id)) into _result from public.xmp_jobs j where j.type::text = old.name::text having count(*) > 0;
    if not found then
      select format('task %s', min(k.id)) into _result from pgjobs.tasks k where k.type = old.name::text having count(*) > 0;
    end if;
    if found then
      perform pgjobs.refuse('PJ409', 'in_use', 'name', format('name: %s is of type %s, which stays while there is such a one', _result, old.name),
        'delete its jobs and tasks first, or leave the type as it is', _table);
    end if;
    return old;
  end if;
  perform pgjobs.check_columns(new);
  if (new.doors, new.applicable_to) is distinct from ('{}'::text[], '{}'::text[]) or num_nonnulls(new.title, new.params_schema) > 0 then
    perform pgjobs.check_doors(new);
  end if;
  if new.selector is not null then
    if tg_op = 'INSERT' or new.selector is distinct from old.selector then
      perform pgjobs.trusted_selector(new.selector, '{bigint,integer,bigint,bigint}');
      select pg_get_function_result(p.oid) into _result from pg_proc p
      where p.oid = to_regprocedure(new.selector || '(bigint, integer, bigint, bigint)') and (p.proretset or p.prorettype <> 'text'::regtype);
      if found then
        perform pgjobs.refuse('PJ400', 'bad_selector', 'selector',
          format('selector: function %s returns %s, and it has to return text: the statement that selects the records', new.selector, _result),
          'let it return the statement as a text: the engine runs it', _table);
      end if;
      perform pgjobs.trusted_selector(new.selector || '_bounds', '{bigint}', _needed => false);
      perform pgjobs.trusted_selector(new.selector || '_check', '{jsonb,jsonb}', _needed => false);
      perform pgjobs.trusted_selector(new.selector || '_again', '{bigint,bigint,bytea}', _needed => false);
    end if;
    -- An exchange that routes by headers, or to everybody, asks for no key.
    if new.exchange <> '' then
      new.routing_key := coalesce(new.routing_key, '');
    end if;
    if tg_op = 'INSERT'
       or (new.selector, new.exchange, new.routing_key, new.tracked) is distinct from (old.selector, old.exchange, old.routing_key, old.tracked) then
      perform pgjobs.check_route(new.exchange, new.routing_key, new.tracked);
    end if;
  end if;
  if new.shards not between 1 and 64 then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', format('shards: %s is out of range', new.shards),
      'give a number from 1 to 64', _table);
  end if;
  if jsonb_typeof(new.defaults) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_defaults', 'defaults', 'defaults: it has to be a JSON object', 'write {} for none', _table);
  end if;
  perform pgjobs.check_format(new.format, new.format_options);
  perform pgjobs.check_tracking(new);
  if tg_op = 'INSERT' or (new.name, new.tracked, new.reply_queue, new.exchange, new.routing_key, new.queue)
     is distinct from (old.name, old.tracked, old.reply_queue, old.exchange, old.routing_key, old.queue) then
    perform pgjobs.check_reply_queue(new, case when tg_op = 'UPDATE' then old.name::text else new.name::text end);
  end if;
  perform pgjobs.check_pace(new.rate, new.max_backlog, new.schedule, new.budget, _table);
  perform pgjobs.check_whole_schedule(new.schedule, null, new.selector, _table);
  if new.max_backlog is not null and new.exchange <> '' and new.queue is null then
    perform pgjobs.refuse('PJ400', 'bad_queue', 'queue', format('queue: it is null, and exchange %L does not say whose length max_backlog is about', new.exchange),
      'name the queue that the messages of this type come to', _table);
  end if;
  if tg_op = 'UPDATE'
     and (new.name, new.selector, new.needs_file, new.lenient, new.ignores, new.tracked, new.keep_refused, new.schedule -> 'local_time')
     is distinct from (old.name, old.selector, old.needs_file, old.lenient, old.ignores, old.tracked, old.keep_refused, old.schedule -> 'local_time') then
    select j.id into _begun
    from public.xmp_jobs j
    where j.type::text = old.name::text and j.status::text <> 'done'
      and exists (select from pgjobs.shards p where p.job_id = j.id and (p.started_at is not null or p.attempt is not null))
      and not exists (select from pgjobs.cancellations c where c.job_id = j.id and c.closed_at is not null)
    order by j.id
    limit 1;
    if found then
      perform pgjobs.refuse('PJ409', 'started', 'selector',
        format('job %s of type %s has begun: name, selector, needs_file, lenient, ignores, tracked, keep_refused and local_time stay as they are', _begun, old.name),
        'add another type, or wait until its jobs are done', _table);
    end if;
  end if;
  if tg_op = 'UPDATE' and old.tracked then
    _field := case
      when new.reply_queue is distinct from old.reply_queue and old.reply_queue is not null then 'reply_queue'
      -- What is offered to agents in SQL is in no queue, and the other way round.
      when (new.exchange = '' and new.routing_key is null) <> (old.exchange = '' and old.routing_key is null) then 'routing_key' end;
    if _field is not null then
      select j.id into _begun
      from public.xmp_jobs j
      where j.type::text = old.name::text and j.status::text <> 'done'
        and (pgjobs.open_items(j.id) > 0 or j.status::text = 'in progress')
      order by j.id
      limit 1;
      if found then
        perform pgjobs.refuse('PJ409', 'started', _field,
          format('%s: job %s of type %s has open items, %s', _field, _begun, old.name,
            case when _field = 'reply_queue' then format('which are answered on %L', old.reply_queue)
                 when old.routing_key is null then 'which agents take by SQL' else 'which are sent by the broker' end),
          format('wait until it is done, or end it for good: pgjobs cancel %s; or add another type', _begun), _table);
      end if;
    end if;
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_type() is
  'Trigger: refuses a row of xmp_job_types that no job could run with, another selection under jobs that have begun, another way of answers while items are open, and the end of a type that has jobs or tasks.';
