-- Reads: schema_state, pg_proc   Writes: nothing
create or replace function pgjobs.changed_functions()
returns table (signature text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- Once: a subquery would be pulled up, and all functions digested for each of them.
  with found as materialized (select pgjobs.function_digests() as digests)
  select f.signature
  from found d, pgjobs.schema_state s
  cross join lateral jsonb_each_text(s.functions) f (signature, digest)
  where f.digest is distinct from d.digests ->> f.signature
  order by 1;
$$;
comment on function pgjobs.changed_functions() is
  'Functions that somebody has changed or dropped since they were applied; migrate puts them back. Functions of the operator''s own are not looked at.';
