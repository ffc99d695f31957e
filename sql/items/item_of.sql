-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_of(_id text)
returns table (job_id bigint, key bigint)
language sql
immutable
rows 1
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it, for each of a thousand answers.
  select m.parts[1]::bigint, m.parts[2]::bigint
  from (select regexp_match(_id, '^([0-9]{1,18})-(-?[0-9]{1,19})(?:-[0-9]{1,5})?$') as parts offset 0) m
  -- Eighteen digits fit into a bigint whatever they are, and of nineteen most do.
  where m.parts is not null and m.parts[2]::numeric between -9223372036854775808 and 9223372036854775807;
$$;
comment on function pgjobs.item_of(text) is
  'The item that a correlation id names: job and key, perhaps with an attempt behind; no row where it names none.';
