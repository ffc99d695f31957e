-- Reads: item_counts   Writes: nothing
create or replace function pgjobs.open_items(_job_id bigint)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(c.n), 0)::bigint from pgjobs.item_counts c where c.job_id = _job_id and c.status in ('w', 'l', 'r');
$$;
comment on function pgjobs.open_items(bigint) is 'How many items of a job have no outcome yet.';
