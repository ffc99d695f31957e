-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_parts(_filter jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  with recursive nodes as (
    select _filter as node
    union all
    select e.node from nodes n cross join lateral jsonb_array_elements(n.node -> 'and') e (node) where n.node ? 'and'
  ), tests as (
    -- {"eq": {"a": 1, "b": 2}} is a test of a and one of b.
    select case when o.operator = 'or' then n.node else jsonb_build_object(o.operator, jsonb_build_object(f.name, f.value)) end as part
    from nodes n
    cross join lateral jsonb_each(n.node) o (operator, value)
    left join lateral jsonb_each(case when o.operator <> 'or' then o.value end) f (name, value) on true
    where not n.node ? 'and'
  )
  select coalesce(jsonb_agg(t.part), '[]') from tests t;
$$;
comment on function pgjobs.filter_parts(jsonb) is
  'The conditions that a search filter joins with and, at its top or in further ands: each of them has to hold. The filter is one that filter_condition() takes.';
