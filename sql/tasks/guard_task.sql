-- Reads: xmp_job_types   Writes: the row that is being written
create or replace function pgjobs.guard_task()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _table constant text := 'pgjobs.tasks';
  _range constant tstzrange := '[2000-01-01,9000-01-01)';
  _again boolean;
begin
  if tg_op = 'INSERT' then
    new.starts_at := coalesce(new.starts_at, pgjobs.now());
    new.created_at := coalesce(new.created_at, pgjobs.now());
  end if;
  -- Null means "not given" where there is a value for that.
  new.name := coalesce(new.name, '');
  new.description := coalesce(new.description, '');
  new.file_name := coalesce(new.file_name, '');
  new.schedule := coalesce(new.schedule, '{}');
  new.budget := coalesce(new.budget, '{}');
  new.rules := coalesce(new.rules, '{}');
  new.configuration := coalesce(new.configuration, '{}');
  new.priority := coalesce(new.priority, 5);
  new.notify := coalesce(new.notify, false);
  new.id_user := coalesce(new.id_user, 0);
  if tg_op = 'UPDATE' and (new.id, new.created_at) is distinct from (old.id, old.created_at) then
    perform pgjobs.refuse('PJ409', 'fixed', 'id', format('id: task %s keeps its number and its created_at', old.id),
      'insert a new task', _table);
  end if;
  if length(new.name) > 200 or length(new.description) > 2000 then
    perform pgjobs.refuse('PJ400', 'too_long', case when length(new.name) > 200 then 'name' else 'description' end,
      case when length(new.name) > 200 then format('name: it has %s characters', length(new.name))
           else format('description: it has %s characters', length(new.description)) end,
      'give a name of at most 200 characters, and a description of at most 2000', _table);
  end if;
  if new.active is null then
    perform pgjobs.refuse('PJ400', 'bad_active', 'active', 'active: it is null', 'give true, or false to pause the task', _table);
  end if;
  if not coalesce(new.starts_at <@ _range, false) then
    perform pgjobs.refuse('PJ400', 'bad_starts_at', 'starts_at',
      format('starts_at: %s is out of range', coalesce(pgjobs.moment_text(new.starts_at), 'null')),
      'give a moment from the year 2000 on, or leave it out to start now', _table);
  end if;
  if not new.stops_at <@ _range then
    perform pgjobs.refuse('PJ400', 'bad_stops_at', 'stops_at', format('stops_at: %s is out of range', pgjobs.moment_text(new.stops_at)),
      'give a moment, or null for a task that goes on', _table);
  end if;
  if new.stops_at <= new.starts_at then
    perform pgjobs.refuse('PJ400', 'bad_stops_at', 'stops_at',
      format('stops_at: %s is not after starts_at, %s', pgjobs.moment_text(new.stops_at), pgjobs.moment_text(new.starts_at)),
      'give a later moment, or null for a task that goes on', _table);
  end if;
  if new.most_runs < 1 then
    perform pgjobs.refuse('PJ400', 'bad_most_runs', 'most_runs', format('most_runs: %s is out of range', new.most_runs),
      'give a number of 1 or more, or null for a task that goes on', _table);
  end if;
  if tg_op = 'INSERT' or (new.name, new.media_type, new.reference_id, new.custom_type, new.configuration)
                         is distinct from (old.name, old.media_type, old.reference_id, old.custom_type, old.configuration) then
    perform pgjobs.check_described(jsonb_populate_record(null::public.xmp_jobs, jsonb_build_object('name', new.name, 'media_type', new.media_type,
      'reference_id', new.reference_id, 'custom_type', new.custom_type, 'configuration', new.configuration)), _table);
  end if;
  if tg_op = 'INSERT' or (new.type, new.params, new.file_name, new.shards, new.configuration)
                         is distinct from (old.type, old.params, old.file_name, old.shards, old.configuration) then
    perform pgjobs.check_job(new.type, new.params, new.file_name, new.shards, _configuration => new.configuration);
  end if;
  if tg_op = 'INSERT' or (new.type, new.params, new.rate, new.max_backlog, new.schedule, new.budget)
                         is distinct from (old.type, old.params, old.rate, old.max_backlog, old.schedule, old.budget) then
    perform pgjobs.check_pace(new.rate, new.max_backlog, new.schedule, new.budget, _table);
    perform pgjobs.check_stop(null, null, new.max_backlog, new.schedule, new.type, new.params, _table);
  end if;
  if tg_op = 'INSERT' or (new.type, new.rules) is distinct from (old.type, old.rules) then
    perform pgjobs.check_rules(new.rules, new.type, _table);
  end if;

  _again := tg_op = 'INSERT' or new.repeating is distinct from old.repeating;
  if _again then
    perform pgjobs.check_repeating(new.repeating);
  end if;
  -- To stop it early, or after fewer runs, is a way to end it.
  if (_again or new.starts_at <> old.starts_at) and pgjobs.next_occasion(new, pgjobs.now()) is null then
    if new.stops_at <= pgjobs.now() then
      perform pgjobs.refuse('PJ400', 'never', 'stops_at', format('stops_at: %s has passed, so the task would never fire',
        pgjobs.moment_text(new.stops_at)), 'give a later moment, or null for a task that goes on', _table);
    end if;
    if new.stops_at is null then
      perform pgjobs.refuse('PJ400', 'never', 'starts_at',
        format('starts_at: the task would never fire, for no occasion comes between %s and the year 9000', pgjobs.moment_text(new.starts_at)),
        'give an earlier moment', _table);
    end if;
    perform pgjobs.refuse('PJ400', 'never', 'stops_at',
      format('stops_at: the task would never fire, for no occasion comes before %s', pgjobs.moment_text(new.stops_at)),
      'give a later moment, or another repetition', _table);
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_task() is
  'Trigger: refuses (PJ400, PJ409) a task that can''t be right: a repetition that never comes, limits that contradict each other, a job that its type refuses. What else its jobs can''t be is refused when its next one is made, in the same statement.';
