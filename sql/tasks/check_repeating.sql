-- Reads: the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.check_repeating(_repeating jsonb)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _table constant text := 'pgjobs.tasks';
  _kinds constant text[] := '{daily,weekly,monthly,yearly}';
  _kind text;
  _part jsonb;
  _path text;
  _time text;
  _zone jsonb;
begin
  if length(_repeating::text) > 4096 then
    perform pgjobs.refuse_field('repeating', 'it is larger than 4 KB', 'name each day and month once', _table);
  end if;
  perform pgjobs.check_keys(_repeating, 'repeating', '{pattern,period}', _table);
  if (_repeating ? 'period') = (_repeating ? 'pattern') then
    perform pgjobs.refuse_field('repeating', 'it has to be either a period or a pattern',
      'give one of them, such as {"period": {"each": 5, "unit": "MINUTES"}}', _table);
  end if;

  if _repeating ? 'period' then
    _path := 'repeating.period';
    _part := _repeating -> 'period';
    perform pgjobs.check_keys(_part, _path, '{each,unit,zone}', _table);
    perform pgjobs.check_number(_part -> 'each', _path || '.each', 1, 999999, true, 'give the number of units from one occasion to the next', _table);
    if _part -> 'unit' is null or _part -> 'unit' not in ('"MINUTES"', '"HOURS"', '"DAYS"') then
      perform pgjobs.refuse_field(_path || '.unit', coalesce(left((_part -> 'unit')::text, 100) || ' is not a unit', 'it is missing'),
        'write MINUTES, HOURS or DAYS; a minute is the shortest period', _table);
    end if;
    if _part ? 'zone' and _part ->> 'unit' <> 'DAYS' then
      perform pgjobs.refuse_field(_path || '.zone', lower(_part ->> 'unit') || ' are elapsed time, the same in every zone', 'leave it out', _table);
    end if;
  else
    _path := 'repeating.pattern';
    _part := _repeating -> 'pattern';
    perform pgjobs.check_keys(_part, _path, _kinds || '{time,zone}', _table);
    _time := case jsonb_typeof(_part -> 'time') when 'string' then _part ->> 'time' end;
    if _time is null or _time !~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})?$'
       or not pgjobs.is_zone(coalesce(substring(_time from '[Z+-].*$'), 'UTC')) then
      perform pgjobs.refuse_field(_path || '.time',
        coalesce(left((_part -> 'time')::text, 100) || ' is not a time of day', 'it is missing'),
        'write it as "22:44" or "22:44:13"; it may end in Z or in an offset such as +02:00', _table);
    end if;
    if _part ? 'zone' and _time ~ '[Z+-]' then
      perform pgjobs.refuse_field(_path || '.zone', 'the time has an offset, which says it already',
        'leave out one of them: an offset is the same all year, a zone knows its daylight saving time', _table);
    end if;
    if (select count(*) from jsonb_object_keys(_part) k where k = any (_kinds)) <> 1 then
      perform pgjobs.refuse_field(_path, 'it has to be daily, weekly, monthly or yearly',
        'give one of them, such as "daily": {} or "weekly": {"days": ["MON"]}', _table);
    end if;
    select k into _kind from jsonb_object_keys(_part) k where k = any (_kinds);
    perform pgjobs.check_pattern(_kind, _part -> _kind);
  end if;

  _zone := _part -> 'zone';
  if _zone is not null and (jsonb_typeof(_zone) <> 'string' or not pgjobs.is_zone(_zone #>> '{}')) then
    perform pgjobs.refuse_field(_path || '.zone', left(_zone::text, 100) || ' is not a time zone',
      'name one such as Europe/Madrid or UTC, or give an offset such as +02:00; abbreviations such as CEST are not taken', _table);
  end if;
end;
$$;
comment on function pgjobs.check_repeating(jsonb) is
  'Refuses (PJ400) a repetition of a task that is neither a period nor a pattern, or has a part that can''t be right; the field is the path to it.';
