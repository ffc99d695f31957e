-- Reads: nothing   Writes: nothing
create or replace function pgjobs.measured(_metrics jsonb, _name text)
returns double precision
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(_metrics -> _name) = 'number'
              then greatest(least((_metrics ->> _name)::numeric, 1e300), -1e300)::double precision end;
$$;
comment on function pgjobs.measured(jsonb, text) is
  'One number out of a heartbeat; null where it is not there, or no number.';
