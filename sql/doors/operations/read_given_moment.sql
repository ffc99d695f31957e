-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_given_moment(_value jsonb, _field text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  if coalesce(_value, 'null') = 'null' then
    return null;
  end if;
  if jsonb_typeof(_value) = 'string'
     and _value #>> '{}' ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
    begin
      return (_value #>> '{}')::timestamptz;
    exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
      null;
    end;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_request', _field, format('%s: %s is no moment', _field, left(_value::text, 100)),
    'write it as 2028-01-10T22:44:13+01:00; without an offset it is UTC');
end;
$$;
comment on function pgjobs.read_given_moment(jsonb, text) is
  'A moment in ISO 8601, UTC unless it carries an offset; null where it is not given. Refuses (PJ400) anything else.';
