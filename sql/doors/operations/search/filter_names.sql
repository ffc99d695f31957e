-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_names(_filter jsonb)
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  with recursive nodes as (
    select _filter as node
    union all
    select e.node
    from nodes n
    cross join lateral jsonb_each(n.node) o (operator, value)
    cross join lateral jsonb_array_elements(case when o.operator in ('and', 'or') then o.value end) e (node)
  )
  select coalesce(array_agg(distinct k.name), '{}')
  from nodes n
  cross join lateral jsonb_each(n.node) o (operator, value)
  cross join lateral jsonb_object_keys(case when o.operator not in ('and', 'or') then o.value end) k (name);
$$;
comment on function pgjobs.filter_names(jsonb) is 'The fields that a search filter names, as they are written. The filter is one that filter_condition() takes.';
