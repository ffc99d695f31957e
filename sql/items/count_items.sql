-- Reads: nothing   Writes: item_counts
create or replace function pgjobs.count_items(_job_id bigint, _status "char", _n bigint)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.item_counts as c (job_id, slot, status, n)
  -- Several slots, so that those who count at the same time seldom wait for each other.
  values (_job_id, pg_backend_pid() % 8, _status, _n)
  on conflict (job_id, slot, status) do update set n = c.n + excluded.n;
$$;
comment on function pgjobs.count_items(bigint, "char", bigint) is
  'So many items of a job more (or less) have this status; to be called by whoever changes them, in the same transaction.';
