-- Reads: pg_proc   Writes: nothing
create or replace function pgjobs.function_digests()
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(p.oid::regprocedure::text,
    md5(concat_ws(' ', pg_get_function_result(p.oid), p.provolatile, p.prosecdef, p.proconfig, p.prosrc)))
  from pg_proc p
  where p.pronamespace = 'pgjobs'::regnamespace and p.prokind in ('f', 'p');
$$;
comment on function pgjobs.function_digests() is
  'The functions of schema pgjobs by their signatures, each with a digest of its text, its result, its volatility, its rights and its settings.';
