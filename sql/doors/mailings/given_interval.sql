-- Reads: nothing   Writes: nothing
create or replace function pgjobs.given_interval(_given jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := _given ->> 'time_interval';
  _parts text[];
begin
  if _text is null then
    return '{}';
  end if;
  _parts := regexp_match(_text, '^(([01][0-9]|2[0-3]):[0-5][0-9])-(([01][0-9]|2[0-3]):[0-5][0-9])$');
  if jsonb_typeof(_given -> 'time_interval') <> 'string' or _parts is null then
    perform pgjobs.refuse('PJ400', 'bad_time_interval', 'time_interval', format('time_interval: %s is no interval of the day', left((_given -> 'time_interval')::text, 60)),
      'write it as in 09:00-21:00, or null for the whole day', '');
  end if;
  if extract(epoch from _parts[3]::time - _parts[1]::time)::integer % 3600 <> 0 then
    perform pgjobs.refuse('PJ400', 'bad_time_interval', 'time_interval', format('time_interval: %s is not a whole number of hours', _text),
      'let it begin and end at the same minute of an hour', '');
  end if;
  return jsonb_build_object('local_time', true, 'window', jsonb_build_object('start', _parts[1], 'stop', _parts[3]));
end;
$$;
comment on function pgjobs.given_interval(jsonb) is
  'The schedule of a mailing with the time_interval that a caller has given, by the clocks of the recipients; {} without one. Refuses (PJ400) what is no interval of whole hours.';
