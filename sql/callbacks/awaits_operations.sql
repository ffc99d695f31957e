-- Reads: ended_items, callbacks, cancellations   Writes: nothing
create or replace function pgjobs.awaits_operations(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from pgjobs.ended_items e where e.job_id = _job_id)
    or exists (select from pgjobs.callbacks c where c.job_id = _job_id and c.keys is not null and c.closed_at is null)
    or exists (select from pgjobs.cancellations c where c.job_id = _job_id and c.closed_at is null);
$$;
comment on function pgjobs.awaits_operations(bigint) is
  'Whether the end of a job is not yet to be told, for the ends of its operations are still to be told, or to come.';
