-- Reads: holidays, the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.check_window(_window jsonb, _field text, _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _key text;
  _wrong text;
  _offset text;
  _offsets text[] := '{}';
  _read pgjobs.window_parts;
  _seconds integer;
begin
  perform pgjobs.check_keys(_window, _field, '{days,holidays,start,stop,zone}', _table);
  if jsonb_typeof(_window -> 'days') <> 'array' or _window -> 'days' = '[]' then
    perform pgjobs.refuse_field(_field || '.days', 'it has to be a list of days',
      'name them, such as ["MON", "TUE"], or leave days out for every day', _table);
  end if;
  select left(d::text, 100) into _wrong from jsonb_array_elements(_window -> 'days') d
  where d not in ('"MON"', '"TUE"', '"WED"', '"THU"', '"FRI"', '"SAT"', '"SUN"') limit 1;
  if found then
    perform pgjobs.refuse_field(_field || '.days', _wrong || ' is not a day', 'write MON, TUE, WED, THU, FRI, SAT or SUN', _table);
  end if;
  foreach _key in array '{start,stop}'::text[] loop
    if _window -> _key is null then
      perform pgjobs.refuse_field(format('%s.%s', _field, _key), 'it is missing', 'give start and stop, such as "09:00" and "15:00"', _table);
    end if;
    if jsonb_typeof(_window -> _key) <> 'string'
       or _window ->> _key !~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9:]+)?$' then
      perform pgjobs.refuse_field(format('%s.%s', _field, _key), left((_window -> _key)::text, 100) || ' is not a time of the day',
        'write it as "09:00" or "09:00:00", midnight as "00:00"; it may end in Z or in an offset such as +02:00', _table);
    end if;
    _offset := coalesce(substring(_window ->> _key from '(?:Z|[+-].*)$'), '');
    if _offset <> '' and not pgjobs.is_zone(_offset) then
      perform pgjobs.refuse_field(format('%s.%s', _field, _key), _offset || ' is not an offset', 'give one from -14:00 to +14:00', _table);
    end if;
    _offsets := _offsets || _offset;
  end loop;
  if _offsets[1] <> _offsets[2] then
    perform pgjobs.refuse_field(_field || '.stop', 'its offset is not the one of start', 'give both the same offset, or a zone instead', _table);
  end if;
  if _window -> 'zone' is not null then
    if _offsets[1] <> '' then
      perform pgjobs.refuse_field(_field || '.zone', 'start and stop have an offset, which says it already', 'leave out the zone or the offset', _table);
    end if;
    if jsonb_typeof(_window -> 'zone') <> 'string' or not pgjobs.is_zone(_window ->> 'zone') then
      perform pgjobs.refuse_field(_field || '.zone', left((_window -> 'zone')::text, 100) || ' is not a time zone',
        'name one such as Europe/Madrid or UTC, or give an offset such as +02:00; abbreviations such as CEST are not taken', _table);
    end if;
  end if;
  _read := pgjobs.read_window(_window);
  _seconds := extract(epoch from _read.stop - _read.start);
  if _seconds % 3600 <> 0 then
    perform pgjobs.refuse_field(_field || '.stop', format('from %s to %s is not a whole number of hours', _read.start, _read.stop),
      format('let it stop at %s, for instance', _read.start + ceil(_seconds / 3600.0) * interval '1 hour' || _offset), _table);
  end if;
  if _window -> 'holidays' is not null
     and not exists (select from pgjobs.holidays h where to_jsonb(h.calendar) = _window -> 'holidays') then
    perform pgjobs.refuse_field(_field || '.holidays', format('there is no calendar %s', left((_window -> 'holidays')::text, 100)),
      coalesce((select format('use one of %s, or ', string_agg(distinct h.calendar, ', ')) from pgjobs.holidays h having count(*) > 0), '')
      || 'insert its days into pgjobs.holidays first', _table);
  end if;
end;
$$;
comment on function pgjobs.check_window(jsonb, text, text) is
  'Refuses a window that pgjobs.read_window() could not read or that could never be meant, naming the key and the remedy.';
