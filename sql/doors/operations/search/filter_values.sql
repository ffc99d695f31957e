-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_values(_parts jsonb, _map jsonb)
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  with given as (
    select pgjobs.search_name(_map, f.name) as name, row_number() over () as n,
      case o.operator when 'in' then array(select e #>> '{}' from jsonb_array_elements(f.value) e) else array[f.value #>> '{}'] end as texts
    from jsonb_array_elements(_parts) p (node)
    cross join lateral jsonb_each(p.node) o (operator, value)
    cross join lateral jsonb_each(case when o.operator in ('eq', 'in') then o.value end) f (name, value)
  )
  select coalesce(jsonb_object_agg(f.name, (
      select coalesce(jsonb_agg(distinct t.value), '[]') from unnest(f.texts) t (value)
      where not exists (select from given h where h.name = f.name and t.value <> all (h.texts)))), '{}')
  from given f
  where f.n = (select min(g.n) from given g where g.name = f.name);
$$;
comment on function pgjobs.filter_values(jsonb, jsonb) is
  'The values that fields may have, by the parts of a filter that say so with eq or in: {"jobId": ["12", "13"]}; a field of which they say nothing is left out.';
