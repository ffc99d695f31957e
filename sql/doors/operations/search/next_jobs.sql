-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.next_jobs(_only bigint[], _types text[], _statuses text[], _before bigint, _limit bigint)
returns bigint[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Keys are compared as rows, so that only the index on all of them gives the order, whatever the statistics say.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _found bigint[];
begin
  if _only is not null then
    return array(select distinct o.id from unnest(_only) o (id) where _before is null or o.id < _before order by o.id desc limit _limit);
  end if;
  execute format($jobs$
    select array(
      select n.id
      from unnest($1) t (name)
      cross join unnest($2) s (name)
      -- Columns that are enums without this name have no such row.
      cross join lateral (select t.name::%1$s as type, s.name::%2$s as status where pgjobs.is_value_of(%1$L, t.name) and pgjobs.is_value_of(%2$L, s.name) offset 0) k
      cross join lateral (
        select j.id from public.xmp_jobs j
        where (j.type, j.status, j.id) < (k.type, k.status, $3) and (j.type, j.status) >= (k.type, k.status)
        order by j.type desc, j.status desc, j.id desc limit $4) n
      order by n.id desc
      limit $4)$jobs$,
    (select format_type(a.atttypid, null) from pg_attribute a where a.attrelid = 'public.xmp_jobs'::regclass and a.attname = 'type'),
    (select format_type(a.atttypid, null) from pg_attribute a where a.attrelid = 'public.xmp_jobs'::regclass and a.attname = 'status'))
  into _found using _types, _statuses, coalesce(_before, 9223372036854775807), _limit;
  return _found;
end;
$$;
comment on function pgjobs.next_jobs(bigint[], text[], text[], bigint, bigint) is
  'The newest jobs before this one (null: of all), so many at most: of these numbers, or, where there are none, of these types and statuses, each by the index that has them in this order.';
