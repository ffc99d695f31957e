-- Reads: shards   Writes: nothing
create or replace function pgjobs.anything_sent(_job_id bigint)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from pgjobs.shards p where p.job_id = _job_id and p.sent > 0);
$$;
comment on function pgjobs.anything_sent(bigint) is
  'Whether any record of a job has come to a queue, by its checkpoints: where none has, a window that comes back as a whole ends the job.';
