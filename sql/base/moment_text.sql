-- Reads: nothing   Writes: nothing
create or replace function pgjobs.moment_text(_at timestamptz)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select case when isfinite(_at) then to_char(_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') else _at::text end;
$$;
comment on function pgjobs.moment_text(timestamptz) is 'A moment in UTC for a sentence; infinity as itself.';
