-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_size(_size bigint)
returns bigint
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant bigint := 1000;
begin
  if _size not between 1 and _most then
    perform pgjobs.refuse('PJ400', 'bad_size', 'size', format('size: %s is not from 1 to %s', _size, _most), 'ask for a page, and then for the next one: start=2');
  end if;
  return coalesce(_size, 10);
end;
$$;
comment on function pgjobs.page_size(bigint) is 'How many a page of the operations has: 10, or as asked for. Refuses (PJ400) none, and more than 1000.';
