-- Reads: nothing   Writes: nothing
create or replace function pgjobs.attribute_fault(_attributes jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when k.key !~ '^[^.[:cntrl:]]+([.][^.[:cntrl:]]+)*$' or length(k.key) > 200 then format('%L is no name', left(k.key, 100))
    else format('%L names what another name has as well', left(k.key, 100)) end
  from jsonb_object_keys(_attributes) k (key)
  where k.key !~ '^[^.[:cntrl:]]+([.][^.[:cntrl:]]+)*$' or length(k.key) > 200
     or k.key like '%.%' and exists (
       select from jsonb_object_keys(_attributes) o (key)
       where o.key = split_part(k.key, '.', 1) or starts_with(k.key, o.key || '.') or o.key like '%.%' and starts_with(o.key, k.key || '.'))
  order by k.key
  limit 1;
$$;
comment on function pgjobs.attribute_fault(jsonb) is
  'What is wrong with the names of attributes: one that is no name, or a dotted one that would be put into another attribute; null: nothing.';
