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
  _zone jsonb;
  _path text;
begin
  perform pgjobs.need_keys(_repeating, 'repeating', '{period,pattern}');
  if (select count(*) from jsonb_object_keys(_repeating)) <> 1 then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', 'repeating: it has to be either a period or a pattern',
      'give one of them, for instance {"period": {"each": 5, "unit": "MINUTES"}}', _table);
  end if;

  if _repeating ? 'period' then
    _part := _repeating -> 'period';
    _path := 'repeating.period';
    perform pgjobs.need_keys(_part, _path, '{each,unit,zone}');
    if jsonb_typeof(_part -> 'each') is distinct from 'number' or (_part ->> 'each') !~ '^[0-9]{1,6}$' or (_part ->> 'each')::integer = 0 then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
        format('repeating.period.each: %s is no number of units', coalesce(left((_part -> 'each')::text, 100), 'nothing')),
        'give a whole number from 1 to 999999', _table);
    end if;
    if coalesce(_part ->> 'unit', '') not in ('MINUTES', 'HOURS', 'DAYS') then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
        format('repeating.period.unit: %s is no unit', coalesce(left((_part -> 'unit')::text, 100), 'nothing')),
        'give MINUTES, HOURS or DAYS; a minute is the shortest period', _table);
    end if;
    if _part ? 'zone' and _part ->> 'unit' <> 'DAYS' then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
        format('repeating.period.zone: %s are elapsed time, the same in every zone', lower(_part ->> 'unit')), 'leave zone out', _table);
    end if;
  else
    _part := _repeating -> 'pattern';
    _path := 'repeating.pattern';
    perform pgjobs.need_keys(_part, _path, '{time,zone}' || _kinds);
    if jsonb_typeof(_part -> 'time') is distinct from 'string'
       or (_part ->> 'time') !~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?$' then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
        format('repeating.pattern.time: %s is no time of day', coalesce(left((_part -> 'time')::text, 100), 'nothing')),
        'give it as 22:44 or 22:44:13, with a zone beside it or an offset behind it (22:44:13+01:00)', _table);
    end if;
    if _part ? 'zone' and (_part ->> 'time') ~ '[Z+-]' then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', 'repeating.pattern.zone: the time has an offset already',
        'keep one of the two: an offset is the same all year, a zone knows its daylight saving time', _table);
    end if;
    if (select count(*) from jsonb_object_keys(_part) k where k = any (_kinds)) <> 1 then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', 'repeating.pattern: it has to be daily, weekly, monthly or yearly',
        'give one of them, for instance "weekly": {"days": ["MON"]}, or "daily": {}', _table);
    end if;
    select k into _kind from jsonb_object_keys(_part) k where k = any (_kinds);
    perform pgjobs.check_pattern(_kind, _part -> _kind);
  end if;

  _zone := _part -> 'zone';
  if _zone is not null and (jsonb_typeof(_zone) <> 'string' or not pgjobs.is_zone(_zone #>> '{}')) then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', format('%s.zone: %s is no time zone', _path, left(_zone::text, 100)),
      'give the name of one, for instance Europe/Madrid, or an offset such as +01:00', _table);
  end if;
end;
$$;
comment on function pgjobs.check_repeating(jsonb) is
  'Refuses (PJ400) a repetition of a task that is neither a period nor a pattern, or has a part that can''t be right; the sentence names the path to it.';
