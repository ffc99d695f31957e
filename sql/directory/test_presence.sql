-- Reads: nothing   Writes: nothing
create or replace function pgjobs.test_presence(_sql text, _type text, _name text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case _type
    when 'tags' then format('(cardinality(%s) > 0)', _sql)
    when 'attributes' then format('coalesce(jsonb_typeof(%s #> %L) <> ''null'', false)', _sql, string_to_array(_name, '.')::text)
    else format('(%s is not null)', _sql) end;
$$;
comment on function pgjobs.test_presence(text, text, text) is
  'The SQL condition that a field of a search filter has a value; of attributes the one of this dotted name.';
