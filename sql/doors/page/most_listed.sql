-- Reads: nothing   Writes: nothing
create or replace function pgjobs.most_listed()
returns bigint
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$ select 20000::bigint $$;
comment on function pgjobs.most_listed() is
  'Through how many jobs one page of the list looks for those of its filters; a job whose state has to be computed counts as four.';
