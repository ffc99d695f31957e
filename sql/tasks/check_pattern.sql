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
  _months constant text[] := '{JAN,FEB,MAR,APR,MAY,JUN,JUL,AUG,SEP,OCT,NOV,DEC}';
  -- The longest that each of them can be.
  _lengths constant integer[] := '{31,29,31,30,31,30,31,31,30,31,30,31}';
  _month text;
begin
  if _kind = 'daily' then
    if _pattern <> '{}' then
      perform pgjobs.refuse_field(_path, 'there is nothing to be said about it', 'write {}', _table);
    end if;
    return;
  end if;
  perform pgjobs.check_keys(_pattern, _path, case _kind when 'weekly' then '{days}'::text[] when 'monthly' then '{day,months}' else '{day,month}' end, _table);
  if _kind = 'weekly' then
    perform pgjobs.check_names(_pattern -> 'days', _path || '.days', '{MON,TUE,WED,THU,FRI,SAT,SUN}', _table);
    return;
  end if;
  perform pgjobs.check_number(_pattern -> 'day', _path || '.day', 1, 31, true, 'give the day of the month', _table);
  if _kind = 'yearly' then
    _pattern := _pattern || jsonb_build_object('months', jsonb_build_array(_pattern -> 'month'));
    perform pgjobs.check_names(_pattern -> 'months', _path || '.month', _months, _table);
  elsif _pattern ? 'months' then
    perform pgjobs.check_names(_pattern -> 'months', _path || '.months', _months, _table);
  end if;
  select m into _month from jsonb_array_elements_text(_pattern -> 'months') m
  where _lengths[array_position(_months, m)] < (_pattern ->> 'day')::numeric limit 1;
  if found then
    perform pgjobs.refuse_field(_path || '.day', format('there is no %s %s', _pattern ->> 'day', _month),
      'give a day that this month has, or leave the month out', _table);
  end if;
end;
$$;
comment on function pgjobs.check_pattern(text, jsonb) is
  'Refuses (PJ400) the days and months of a pattern that can''t be right, or never come.';
