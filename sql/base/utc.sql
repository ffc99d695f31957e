-- Reads: nothing   Writes: nothing
create or replace function pgjobs.utc(_at timestamp)
returns timestamptz
language sql
immutable
as $$ select _at at time zone 'UTC' $$;
comment on function pgjobs.utc(timestamp) is
  'A moment of a column without time zone, which in the operator''s tables means UTC.';

create or replace function pgjobs.utc(_at timestamptz)
returns timestamptz
language sql
immutable
as $$ select _at $$;
comment on function pgjobs.utc(timestamptz) is
  'A moment of a column with time zone, as it is: so that one text serves both shapes of the operator''s tables.';
