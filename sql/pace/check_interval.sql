-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_interval(_value jsonb, _field text, _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A number alone would count as seconds.
  if jsonb_typeof(_value) = 'string' and _value #>> '{}' ~ '[[:alpha:]:]' then
    begin
      if (_value #>> '{}')::interval > interval '0' and (_value #>> '{}')::interval <= interval '1000 years' then
        return;
      end if;
    exception when data_exception then
      null;
    end;
  end if;
  perform pgjobs.refuse_field(_field, coalesce(left(_value::text, 100), 'null') || ' is not a length of time',
    'write it as text with its unit, such as "90 min", "12 hours" or "PT1H"', _table);
end;
$$;
comment on function pgjobs.check_interval(jsonb, text, text) is
  'Refuses what is no interval as text with a unit, longer than nothing and at most 1000 years long.';
