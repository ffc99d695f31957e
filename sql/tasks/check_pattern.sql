-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_pattern(_kind text, _pattern jsonb)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _table constant text := 'pgjobs.tasks';
  _path constant text := 'repeating.pattern.' || _kind;
  _days constant text[] := '{MON,TUE,WED,THU,FRI,SAT,SUN}';
  _months constant text[] := '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}';
  -- The longest that each month can be.
  _lengths constant integer[] := '{31,29,31,30,31,30,31,31,30,31,30,31}';
  _list jsonb;
  _words text[];
  _never text;
begin
  perform pgjobs.need_keys(_pattern, _path, case _kind
    when 'daily' then '{}'::text[] when 'weekly' then '{days}' when 'monthly' then '{day,months}' else '{day,month}' end);
  if _kind = 'daily' then
    return;
  end if;
  if _kind <> 'weekly' and (jsonb_typeof(_pattern -> 'day') is distinct from 'number' or (_pattern ->> 'day') !~ '^([1-9]|[12][0-9]|3[01])$') then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
      format('%s.day: %s is no day of a month', _path, coalesce(left((_pattern -> 'day')::text, 100), 'nothing')),
      'give a whole number from 1 to 31', _table);
  end if;
  -- Without months: every month.
  if _kind = 'monthly' and not _pattern ? 'months' then
    return;
  end if;
  _list := case _kind when 'weekly' then _pattern -> 'days' when 'monthly' then _pattern -> 'months'
                      else jsonb_build_array(_pattern -> 'month') end;
  if jsonb_typeof(_list) = 'array' then
    _words := array(select e.value #>> '{}' from jsonb_array_elements(_list) e);
  end if;
  if coalesce(_words, '{}') = '{}' or not _words <@ (case _kind when 'weekly' then _days else _months end) then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating',
      case _kind when 'weekly' then format('%s.days: %s is no list of days', _path, coalesce(left(_list::text, 100), 'nothing'))
                 when 'monthly' then format('%s.months: %s is no list of months', _path, coalesce(left(_list::text, 100), 'nothing'))
                 else format('%s.month: %s is no month', _path, coalesce(left((_pattern -> 'month')::text, 100), 'nothing')) end,
      case _kind when 'weekly' then 'give one or more of ' || array_to_string(_days, ', ')
                 when 'monthly' then 'give one or more of ' || array_to_string(_months, ', ') || ', or leave months out for all of them'
                 else 'give one of ' || array_to_string(_months, ', ') end, _table);
  end if;
  if _kind <> 'weekly' then
    select m into _never from unnest(_words) m
    where _lengths[array_position(_months, m)] < (_pattern ->> 'day')::integer
    order by array_position(_months, m) limit 1;
    if found then
      perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', format('%s.day: there is no %s %s', _path, _pattern ->> 'day', _never),
        'give a day that this month has, or leave the month out', _table);
    end if;
  end if;
end;
$$;
comment on function pgjobs.check_pattern(text, jsonb) is
  'Refuses (PJ400) the days and months of a pattern that can''t be right, or never come.';
