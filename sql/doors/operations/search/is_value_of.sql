-- Reads: nothing   Writes: nothing
create or replace function pgjobs.is_value_of(_type text, _value text)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select not exists (select from pg_enum e where e.enumtypid = _type::regtype)
      or exists (select from pg_enum e where e.enumtypid = _type::regtype and e.enumlabel = _value);
$$;
comment on function pgjobs.is_value_of(text, text) is 'Whether a text can be a value of this type, which is an enum, or any other one for text.';
