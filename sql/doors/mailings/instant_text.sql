-- Reads: nothing   Writes: nothing
create or replace function pgjobs.instant_text(_at timestamptz)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select to_char(_at, 'YYYY-MM-DD"T"HH24:MI:SS') || coalesce('.' || nullif(to_char(_at, 'US'), '000000'), '') || 'Z';
$$;
comment on function pgjobs.instant_text(timestamptz) is 'A moment in UTC, with a fraction only where there is one.';
