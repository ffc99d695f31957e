-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.moment_literal(_at timestamptz, _table regclass, _column name)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
  select case a.atttypid
    when 'timestamptz'::regtype then format('timestamptz %L', _at)
    else format('timestamp %L', _at at time zone 'UTC')
  end
  from pg_attribute a
  where a.attrelid = _table and a.attname = _column;
$$;
comment on function pgjobs.moment_literal(timestamptz, regclass, name) is
  'A moment as a literal of the column''s own type: in the operator''s columns without time zone it means UTC, and the comparison must not depend on the session''s zone.';
