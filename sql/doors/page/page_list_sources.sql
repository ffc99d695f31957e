-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_list_sources(_asked jsonb)
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when _asked ->> 'number' is not null then 'number' end,
    case when _asked ->> 'task' is not null then 'task' end,
    case when _asked ->> 'reference' is not null then 'reference' end,
    case when _asked ->> 'who' is not null then 'who' end,
    -- 0 is the user of jobs that nobody has claimed: no index has them.
    case when _asked ->> 'user' <> '0' then 'user' end,
    case when _asked ->> 'type' is not null or _asked -> 'words' <> '[]' then 'kind' end], null);
$$;
comment on function pgjobs.page_list_sources(jsonb) is
  'The filters of the list by which an index finds jobs in the order of their numbers, the one that is likely to find the fewest first; kind: by type, status, or both.';
