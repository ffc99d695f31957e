-- Reads: nothing   Writes: nothing
create or replace function pgjobs.most_sorted()
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select 100000::bigint $$;
comment on function pgjobs.most_sorted() is 'How many rows a search puts into an order of the caller''s, and how many a summary counts one by one.';
