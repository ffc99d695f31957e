-- Reads: nothing   Writes: nothing
create or replace function pgjobs.counted(_n numeric, _one text, _many text default null)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select concat(_n, ' ', case when _n = 1 then _one else coalesce(_many, _one || 's') end);
$$;
comment on function pgjobs.counted(numeric, text, text) is
  'A number with what it counts, as a sentence has it: 1 item, 2 items; 1 record was, 2 records were.';
