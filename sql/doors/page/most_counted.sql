-- Reads: nothing   Writes: nothing
create or replace function pgjobs.most_counted()
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select 1000::bigint $$;
comment on function pgjobs.most_counted() is
  'Of so many jobs that are ready or in progress the list computes the state, to count them by the words of the page.';
