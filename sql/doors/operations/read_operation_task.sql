-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.read_operation_task(_task jsonb, _former pgjobs.tasks)
returns pgjobs.tasks
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _new pgjobs.tasks := _former;
  _schedule constant jsonb := coalesce(nullif(_task -> 'schedule', 'null'), '{}');
  _stop jsonb;
  _repeating jsonb;
  _path text;
begin
  if _task ? 'active' then
    _new.active := coalesce(pgjobs.read_given_flag(_task -> 'active', 'active'), true);
  end if;
  if _task ? 'name' then
    _new.name := pgjobs.read_given_text(_task -> 'name', 'name', 200);
  end if;
  if _task ? 'description' then
    _new.description := pgjobs.read_given_text(_task -> 'description', 'description', 2000);
  end if;
  perform pgjobs.check_known_keys(_schedule, 'schedule', '{start,stop,repeating}');
  if _schedule ? 'start' then
    perform pgjobs.check_known_keys(_schedule -> 'start', 'schedule.start', '{date}');
    _new.starts_at := coalesce(pgjobs.read_given_moment(_schedule #> '{start,date}', 'schedule.start.date'), pgjobs.now());
  end if;
  if _schedule ? 'stop' then
    _stop := coalesce(nullif(_schedule -> 'stop', 'null'), '{}');
    perform pgjobs.check_known_keys(_stop, 'schedule.stop', '{date,executions}');
    _new.stops_at := pgjobs.read_given_moment(_stop -> 'date', 'schedule.stop.date');
    _new.most_runs := pgjobs.read_whole(_stop -> 'executions', 'schedule.stop.executions', 1, 1000000000);
    if num_nonnulls(_new.stops_at, _new.most_runs) = 2 then
      perform pgjobs.refuse('PJ400', 'bad_request', 'schedule.stop', 'schedule.stop: it has a date and a number of executions',
        'give one of them, or neither for a task that goes on');
    end if;
  end if;
  if _schedule ? 'repeating' or _former.id is null then
    _repeating := jsonb_strip_nulls(_schedule -> 'repeating');
    if jsonb_typeof(_repeating -> 'pattern') = 'object' then
      -- Callers say nothing of a pattern that comes daily, and send back a number that they have been shown.
      _repeating := _repeating #- '{pattern,definedPatternNumber}';
      if not _repeating -> 'pattern' ?| '{daily,weekly,monthly,yearly}' then
        _repeating := jsonb_set(_repeating, '{pattern,daily}', '{}');
      end if;
    end if;
    foreach _path in array '{"{period,each}","{pattern,monthly,day}","{pattern,yearly,day}"}'::text[] loop
      if _repeating #> _path::text[] is not null then
        _repeating := jsonb_set(_repeating, _path::text[], pgjobs.number_of(_repeating #> _path::text[]));
      end if;
    end loop;
    _new.repeating := coalesce(_repeating, '{}');
  end if;
  return _new;
end;
$$;
comment on function pgjobs.read_operation_task(jsonb, pgjobs.tasks) is
  'What {"active", "name", "description", "schedule"} says of a task, over what it was: each part of the schedule that is given takes the place of the former one. Refuses (PJ400) what can''t be read; whether it makes sense is decided where the task is written.';
