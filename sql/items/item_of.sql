-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_of(_id text)
returns table (job_id bigint, key bigint)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select m.parts[1]::bigint, m.parts[2]::bigint
  -- Eighteen digits fit into a bigint, whatever they are.
  from (select regexp_match(_id, '^([0-9]{1,18})-(-?[0-9]{1,18})(?:-[0-9]{1,5})?$') as parts) m
  where m.parts is not null;
$$;
comment on function pgjobs.item_of(text) is
  'The item that a correlation id names: job and key, perhaps with an attempt behind; no row where it names none.';
