-- Reads: nothing   Writes: nothing
create or replace function pgjobs.lists_entities(_request jsonb)
returns boolean
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(_request #> '{target,append}' ?| '{entities,entitiesWithParameters}', false);
$$;
comment on function pgjobs.lists_entities(jsonb) is 'Whether the request of an operation job names its entities one by one.';
