-- Reads: item_counts   Writes: nothing
create or replace function pgjobs.operation_count(_job_id bigint, _statuses text)
returns bigint
language sql
stable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select coalesce(sum(c.n), 0)::bigint from pgjobs.item_counts c where c.job_id = _job_id and c.status = any (_statuses::"char"[]);
$$;
comment on function pgjobs.operation_count(bigint, text) is 'How many items of a job have one of these statuses, {s,f}; from counters.';
