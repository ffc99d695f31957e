-- Reads: nothing   Writes: nothing
create or replace function pgjobs.given_moment(_given jsonb, _name text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _text constant text := btrim(_given ->> _name);
  _at timestamptz;
begin
  if jsonb_typeof(_given -> _name) = 'string'
     and _text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$' then
    begin
      _at := _text::timestamptz;
      if _at between timestamptz '0001-01-02 00:00Z' and timestamptz '9999-12-30 00:00Z' then
        return _at;
      end if;
    exception when datetime_field_overflow or invalid_datetime_format or invalid_time_zone_displacement_value then
      null;
    end;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is no date and no time', _name, left((_given -> _name)::text, 60)),
    'write 2028-11-20T16:50:00Z, with another offset instead of Z, or 2028-11-20 for midnight in UTC', '');
end;
$$;
comment on function pgjobs.given_moment(jsonb, text) is
  'A moment that a caller has given under this name: UTC where it has no offset, a date is its midnight. Refuses (PJ400) anything else.';
