-- Reads: nothing   Writes: nothing
create or replace function pgjobs.summary_group(_name text, _values text[], _counts bigint[])
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(_name, jsonb_build_object('count', coalesce(sum(g.n), 0),
    'list', coalesce(jsonb_agg(jsonb_build_object('count', g.n, 'name', g.value) order by g.n desc, g.value) filter (where g.place <= 1000), '[]')))
  from (
    select u.value, sum(u.n) as n, row_number() over (order by sum(u.n) desc, u.value) as place
    from unnest(_values, _counts) u (value, n) where u.value is not null group by u.value) g;
$$;
comment on function pgjobs.summary_group(text, text[], bigint[]) is
  'A group of a summary: how many rows have which value of a field, the most frequent ones first, 1000 at most; rows without a value are left out.';
