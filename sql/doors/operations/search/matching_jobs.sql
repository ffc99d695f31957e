-- Reads: xmp_jobs, and what the condition reads   Writes: nothing
create or replace function pgjobs.matching_jobs(_ids bigint[], _types text[], _condition text)
returns bigint[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _found bigint[];
begin
  execute format($jobs$
    select array(
      select j.id
      from unnest($1) with ordinality a (id, place)
      cross join lateral (select r.* from public.xmp_jobs r where r.id = a.id offset 0) j
      where j.type::text = any ($2) and j.deleted_at is null and (%s)
      order by a.place)$jobs$, _condition) into _found using _ids, _types;
  return _found;
end;
$$;
comment on function pgjobs.matching_jobs(bigint[], text[], text) is
  'Those of these jobs, in this order, that the door of operations shows, that have one of these types, and for which the condition over j holds.';
