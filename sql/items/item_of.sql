-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_of(_id text)
returns table (job_id bigint, key bigint, attempt integer)
language sql
immutable
rows 1
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it, for each of a thousand answers.
  -- Not by the groups of the expression: to find those takes nine times as long as to match it.
  select m.job::bigint, m.key::bigint, nullif(m.attempt, '')::integer
  from (
    select split_part(_id, '-', 1) as job,
      case when _id like '%--%' then '-' || split_part(_id, '-', 3) else split_part(_id, '-', 2) end as key,
      split_part(_id, '-', case when _id like '%--%' then 4 else 3 end) as attempt
    where _id ~ '^[1-9][0-9]{0,17}-(?:0|-?[1-9][0-9]{0,18})(?:-[1-9][0-9]{0,4})?$'
    offset 0) m
  -- Eighteen digits fit into a bigint whatever they are, and of nineteen most do.
  where length(m.key) < 19 or m.key::numeric between -9223372036854775808 and 9223372036854775807;
$$;
comment on function pgjobs.item_of(text) is
  'The item that a correlation id names: job and key, and perhaps the attempt; no row where it names none.';
