-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.job_column_type(_column text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format_type(a.atttypid, null) from pg_attribute a where a.attrelid = 'public.xmp_jobs'::regclass and a.attname = _column;
$$;
comment on function pgjobs.job_column_type(text) is 'The type of a column of xmp_jobs, which is the operator''s to choose, as SQL writes it.';
