-- Reads: nothing   Writes: nothing
create or replace function pgjobs.key_parts(_keys bigint[])
returns setof bigint[]
language sql
immutable
as $$
  select _keys[n:n + 99] from generate_series(1, cardinality(_keys), 100) n;
$$;
comment on function pgjobs.key_parts(bigint[]) is 'Cuts keys into parts of a hundred at most; none of null.';
