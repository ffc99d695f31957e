-- Reads: nothing   Writes: nothing
create or replace function pgjobs.most_looked_at()
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select 1500000::bigint $$;
comment on function pgjobs.most_looked_at() is
  'How many rows one search may look at, so that it is answered within the patience of its caller. A job whose operations are asked for counts as twenty.';
