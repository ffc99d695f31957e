-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_name(_map jsonb, _given text)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  -- The vendor's clients may mean the last value of a field: jobId._current.value.
  select case jsonb_typeof(_map -> n.name) when 'string' then _map ->> n.name when 'object' then n.name end
  from (values (_given), (regexp_replace(_given, '([.]_value)?[.]_current[.]value$', ''))) n (name)
  where _map ? n.name
  limit 1;
$$;
comment on function pgjobs.search_name(jsonb, text) is
  'The field of pgjobs.search_map() that somebody means by a name or an alias; null: there is none.';
