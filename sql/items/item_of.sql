-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_of(_id text)
returns table (job_id bigint, key bigint, attempt integer)
language sql
immutable
rows 1
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it, for each of a thousand answers.
  select m.parts[1]::bigint, m.parts[2]::bigint, m.parts[3]::integer
  from (select regexp_match(_id, '^([1-9][0-9]{0,17})-(0|-?[1-9][0-9]{0,18})(?:-([1-9][0-9]{0,4}))?$') as parts offset 0) m
  -- Eighteen digits fit into a bigint whatever they are, and of nineteen most do.
  where m.parts is not null and m.parts[2]::numeric between -9223372036854775808 and 9223372036854775807;
$$;
comment on function pgjobs.item_of(text) is
  'The item that a correlation id names: job and key, and perhaps the attempt; no row where it names none.';
