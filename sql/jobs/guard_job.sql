-- Reads: xmp_job_types, shards, items, log_segments, cancellations   Writes: the row that is being written
create or replace function pgjobs.guard_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Plans are kept: with its arguments known a statement is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
declare
  _but_the_path public.xmp_jobs;
  _from text;
  _to text;
  _open bigint;
  _changed boolean;
  _started boolean;
begin
  if new.status::text = 'cancelled' then
    begin
      new.status := 'canceled';
    exception when invalid_text_representation then
      null; -- An enum that knows the other spelling alone.
    end;
  end if;
  _to := replace(new.status::text, 'cancelled', 'canceled');

  if tg_op = 'INSERT' then
    -- Null means "not given" where there is a value for that.
    new.priority := coalesce(new.priority, 5);
    new.file_name := coalesce(new.file_name, '');
    new.log_path := coalesce(new.log_path, '');
    new.configuration := coalesce(new.configuration, '{}');
    new.notify := coalesce(new.notify, false);
    new.guid := gen_random_uuid();
    new.activated_at := case when new.active then pgjobs.now() end;
    if _to not in ('ready', 'canceled') then
      perform pgjobs.refuse('PJ400', 'bad_status', 'status',
        format('status: a new job can''t be %L', left(_to, 100)), 'insert it as ready, or as canceled to hold it');
    end if;
    if new.finish_at is not null or new.log_path <> '' then
      perform pgjobs.refuse_by_hand('finish_at', new.finish_at is not null);
      perform pgjobs.refuse_by_hand('log_path', new.log_path <> '');
    end if;
  else
    _from := replace(old.status::text, 'cancelled', 'canceled');
    if new.finish_at is distinct from old.finish_at then
      perform pgjobs.refuse_by_hand('finish_at', true);
    end if;
    if new.log_path is distinct from old.log_path then
      perform pgjobs.refuse_by_hand('log_path',
        not exists (select from pgjobs.log_segments s where s.job_id = new.id and s.path = new.log_path));
      -- The daemon notes where the log is, and nothing else: nothing else is to be looked at.
      _but_the_path := old;
      _but_the_path.log_path := new.log_path;
      if _but_the_path *= new then
        return new;
      end if;
    end if;
    if new.id <> old.id then
      perform pgjobs.refuse('PJ409', 'fixed', 'id', format('id: job %s keeps its number', old.id), 'insert a new job');
    end if;
    new.guid := old.guid;
    -- A resume is no further activation.
    new.activated_at := case
      when new.active and not old.active
           and not exists (select from pgjobs.shards p where p.job_id = new.id and p.started_at is not null) then pgjobs.now()
      else old.activated_at end;
  end if;
  if pgjobs.next_statuses(_to) is null then
    perform pgjobs.refuse('PJ400', 'bad_status', 'status', format('status: %L is unknown', left(_to, 100)),
      'use ready, in progress, canceled, done or error');
  end if;

  -- Most updates change nothing of this.
  if tg_op = 'INSERT' or not isfinite(new.run_at) or num_nulls(new.run_at, new.active, new.priority) > 0
     or (new.run_at, new.priority, new.created_at) is distinct from (old.run_at, old.priority, old.created_at) then
    -- A row that is older than this rule can still be stopped.
    if not isfinite(new.run_at)
       and (tg_op = 'INSERT' or new.run_at is distinct from old.run_at or _from <> _to and _to in ('ready', 'in progress')) then
      perform pgjobs.refuse('PJ400', 'bad_run_at', 'run_at', format('run_at: %s is no moment', new.run_at),
        'give a moment, or insert the job as canceled to hold it');
    end if;
    if new.run_at is null and (tg_op = 'INSERT' or old.run_at is not null) then
      perform pgjobs.refuse('PJ400', 'bad_run_at', 'run_at', 'run_at: it is null', 'leave it out to run the job now, or give a moment');
    end if;
    if new.active is null then
      perform pgjobs.refuse('PJ400', 'bad_active', 'active', 'active: it is null', 'give true, or false to hold the job back');
    end if;
    if new.priority is null then
      perform pgjobs.refuse('PJ400', 'bad_priority', 'priority', 'priority: it is null', 'give 5, which is the usual one');
    end if;
    if new.priority not between 0 and 10 and (tg_op = 'INSERT' or new.priority is distinct from old.priority) then
      perform pgjobs.refuse('PJ400', 'bad_priority', 'priority', format('priority: %s is out of range', new.priority),
        'give a number from 0 to 10; 5 is what other jobs have, a higher one starts before them');
    end if;
    if not isfinite(new.created_at) and (tg_op = 'INSERT' or new.created_at is distinct from old.created_at) then
      perform pgjobs.refuse('PJ400', 'bad_created_at', 'created_at', format('created_at: %s is no moment', new.created_at),
        'leave it out: it is the time of the insert');
    end if;
  end if;

  if num_nonnulls(new.rate, new.max_backlog, new.stop_at) > 0 or new.schedule is distinct from '{}' or new.budget is distinct from '{}' then
    if tg_op = 'INSERT'
       or (new.rate, new.max_backlog, new.schedule, new.budget) is distinct from (old.rate, old.max_backlog, old.schedule, old.budget) then
      perform pgjobs.check_pace(new.rate, new.max_backlog, new.schedule, new.budget, 'public.xmp_jobs');
    end if;
    if tg_op = 'INSERT' or (new.stop_at, new.max_backlog, new.schedule, new.params) is distinct from (old.stop_at, old.max_backlog, old.schedule, old.params)
       or new.run_at is distinct from old.run_at and new.run_at > pgjobs.now() then
      perform pgjobs.check_stop(new.stop_at, pgjobs.utc(new.run_at), new.max_backlog, new.schedule, new.type::text, new.params);
    end if;
  end if;

  if new.rules is distinct from '{}' and (tg_op = 'INSERT' or (new.rules, new.type) is distinct from (old.rules, old.type)) then
    perform pgjobs.check_rules(new.rules, new.type::text);
  end if;
  if (num_nonnulls(new.name, new.media_type, new.reference_id, new.custom_type) > 0 or new.configuration is distinct from '{}')
     and (tg_op = 'INSERT' or (new.name, new.media_type, new.reference_id, new.custom_type, new.configuration)
                              is distinct from (old.name, old.media_type, old.reference_id, old.custom_type, old.configuration)) then
    perform pgjobs.check_described(new);
  end if;
  _changed := tg_op = 'INSERT'
    or (new.type, new.params, new.file_name, new.shards, new.configuration)
       is distinct from (old.type, old.params, old.file_name, old.shards, old.configuration);
  _started := tg_op = 'UPDATE' and (_changed or _to in ('ready', 'in progress'))
    and exists (select from pgjobs.shards p where p.job_id = new.id and p.started_at is not null);

  if tg_op = 'UPDATE' and new.schedule -> 'local_time' is distinct from old.schedule -> 'local_time'
     and exists (select from pgjobs.shards p where p.job_id = new.id and p.started_at is not null) then
    perform pgjobs.refuse('PJ409', 'started', 'schedule.local_time',
      format('job %s has started: its schedule.local_time stays as it is', new.id), 'insert a new job');
  end if;
  if _changed then
    if _started then
      perform pgjobs.refuse('PJ409', 'started', 'params',
        format('job %s has started: its type, params, configuration, file_name and shards stay as they are', new.id), 'insert a new job');
    end if;
    perform pgjobs.check_job(new.type::text, new.params, new.file_name, new.shards, _configuration => new.configuration);
    if tg_op = 'UPDATE' and (old.params ? 'listed' or new.params ? 'listed') and exists (select from pgjobs.items i where i.job_id = new.id) then
      perform pgjobs.refuse('PJ409', 'listed', 'params', format('job %s has items, and a list is no other selection: its params stay as they are', new.id),
        'remove its items first, or insert a new job');
    end if;
  end if;

  if _to = 'ready' and _from is distinct from 'ready' then
    if not _started and coalesce((to_jsonb(new) ->> 'skip')::bigint, 0) <> 0 then
      perform pgjobs.refuse('PJ400', 'bad_skip', 'skip',
        format('skip: this column is not read, and %s would be ignored', to_jsonb(new) ->> 'skip'),
        'set skip to 0 and give params.offset');
    end if;
    -- What has begun was right when it began, whatever its type says today.
    if _from is not null and not _started then
      perform pgjobs.check_job(new.type::text, new.params, new.file_name, new.shards, _configuration => new.configuration);
    end if;
  end if;

  -- Only a daemon that claims a job sets it in progress; from anybody else it is a wish, and means what start_job does.
  if _from = 'ready' and _to = 'in progress' and not pgjobs.is_claim(new.id) then
    new.status := 'ready';
    new.active := true;
    new.start_asked := true;
    new.run_at := pgjobs.now();
    _to := 'ready';
  end if;

  if _from <> _to then
    if _to <> all (pgjobs.next_statuses(_from))
       -- Before it changes the status, cancel_job() notes that this is for good.
       and not (_from = 'error' and _to = 'canceled' and exists (select from pgjobs.cancellations c where c.job_id = new.id)) then
      perform pgjobs.refuse_transition(new.id, _from, 'become ' || _to);
    end if;
    if _to = 'done' then
      select count(*) filter (where p.finished_at is null) into _open from pgjobs.shards p where p.job_id = new.id;
      if _open > 0 then
        perform pgjobs.refuse('PJ409', 'unaccounted', 'status',
          format('job %s can''t be done: not every record of it is accounted for', new.id),
          'let the daemon finish it, or stop it with status canceled');
      end if;
    end if;
    if _from in ('canceled', 'error') and _to = 'ready' then
      if exists (select from pgjobs.cancellations c where c.job_id = new.id) then
        perform pgjobs.refuse('PJ409', 'cancelled', 'status', format('job %s is cancelled for good and can''t be resumed', new.id),
          'insert a new job');
      end if;
      if exists (select from pgjobs.shards p where p.job_id = new.id and p.cleared && '{lines,items,logs}') then
        perform pgjobs.refuse('PJ409', 'cleared', 'status',
          format('job %s can''t be resumed: its lines, its items or its log were cleared after their keep time', new.id),
          'insert a new job; pgjobs.retention has the keep times');
      end if;
      new.start_asked := true;
    end if;
    if _to = 'in progress' then
      if not _started then
        new.shards := coalesce(new.shards, (select t.shards from public.xmp_job_types t where t.name = new.type::text), 1);
      end if;
      new.start_asked := false;
      new.finish_at := null;
    elsif _to in ('done', 'canceled', 'error') then
      new.finish_at := pgjobs.now();
    elsif _to = 'ready' then
      new.finish_at := null;
    end if;
    if to_jsonb(new) ? 'finished_at' then
      new := jsonb_populate_record(new, jsonb_build_object('finished_at', coalesce(new.finish_at, timestamptz '1970-01-01 00:00Z')));
    end if;
  elsif _to = 'ready' and tg_op = 'UPDATE' and new.run_at is distinct from old.run_at then
    new.start_asked := new.run_at <= pgjobs.now();
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_job() is
  'Trigger: refuses a row of xmp_jobs that cannot be right and a transition that is not legal; keeps finish_at and the spelling of canceled.';
