-- Reads: nothing   Writes: the temporary table read_lines
create or replace function pgjobs.begin_lines()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table read_lines (line_no bigint, raw bytea, first_column text, fault text) on commit drop;
end;
$$;
comment on function pgjobs.begin_lines() is
  'Makes the table that the lines of an injection file are copied into, for the length of the transaction.';
