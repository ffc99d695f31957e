-- Reads: nothing   Writes: nothing
create or replace function pgjobs.is_blank(_value jsonb)
returns boolean
language sql
immutable
as $$ select jsonb_typeof(_value) = 'null' or jsonb_typeof(_value) = 'string' and _value #>> '{}' !~ '[^[:space:]]' $$;
comment on function pgjobs.is_blank(jsonb) is 'Whether a value of params is null or a string with nothing in it.';
