-- Reads: nothing   Writes: nothing
create or replace function pgjobs.step_moment(_said text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  return case
    when _said ~ '^[0-9]{13}$' then to_timestamp(_said::double precision / 1000)
    when _said ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)? ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?$' then _said::timestamptz end;
exception when data_exception then
  return null;
end;
$$;
comment on function pgjobs.step_moment(text) is
  'When a step was, as its consumer says: a date with a time, in UTC where no offset is given, or milliseconds; null: it says something else.';
