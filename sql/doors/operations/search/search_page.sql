-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_page(_limit jsonb, out start bigint, out size bigint)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.check_known_keys(_limit, 'limit', '{start,size}');
  start := coalesce(pgjobs.read_whole(_limit -> 'start', 'limit.start', 1, 1000000000), 1);
  size := coalesce(pgjobs.read_whole(_limit -> 'size', 'limit.size', 1, 2000), 1000);
end;
$$;
comment on function pgjobs.search_page(jsonb) is
  'The page that a search asks for: its number, from 1, and how many rows a page has, 1000 where it is not given. Refuses (PJ400) other numbers.';
