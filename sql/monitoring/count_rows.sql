-- Reads: pg_class and, where it is small, the table   Writes: nothing
create or replace function pgjobs.count_rows(_table regclass)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _rows bigint := (select c.reltuples::bigint from pg_class c where c.oid = _table);
begin
  if _rows > 100000 then
    return _rows;
  end if;
  execute format('select count(*) from (select from %s limit 100001) r', _table) into _rows;
  return _rows;
end;
$$;
comment on function pgjobs.count_rows(regclass) is
  'How many rows a table has: counted while it is small, estimated by its statistics once it is big.';
