-- Reads: nothing   Writes: nothing
create or replace function pgjobs.number_of(_value jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(_value) = 'string' and _value #>> '{}' ~ '^ *[0-9]{1,15}([.][0-9]{1,15})? *$' then to_jsonb((_value #>> '{}')::numeric)
              else _value end;
$$;
comment on function pgjobs.number_of(jsonb) is 'A number that was given as its string, as a number; anything else as it is.';
