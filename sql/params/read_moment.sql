-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_moment(_params jsonb, _key text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _text text := btrim(_params ->> _key);
begin
  if coalesce(_text, '') = '' then
    return null;
  end if;
  if jsonb_typeof(_params -> _key) = 'string'
     and _text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)? ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
    begin
      return _text::timestamptz;
    exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
      null;
    end;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_params', _key,
    format('params.%s: %s is not a date or a timestamp', _key, left((_params -> _key)::text, 100)),
    'write it as 2016-10-31 or 2016-10-31T18:30:00Z (UTC unless it carries an offset)');
end;
$$;
comment on function pgjobs.read_moment(jsonb, text) is
  'A date or timestamp of params, UTC unless it carries an offset; null when it is not given; refuses anything else.';
