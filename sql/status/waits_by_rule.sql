-- Reads: shards, daemons   Writes: nothing
create or replace function pgjobs.waits_by_rule(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from pgjobs.shards p
    where p.job_id = _job_id and p.finished_at is null and p.failures = 0
      and (p.owner is null and p.due_at > pgjobs.now() - case when exists (select from pgjobs.live_daemons()) then interval '1 minute' else '0' end
           -- Its daemon says what it waits for, and looks again by itself.
           or p.note is not null and p.lease_until > clock_timestamp() and exists (select from pgjobs.live_daemons() w where w.id = p.owner)));
$$;
comment on function pgjobs.waits_by_rule(bigint) is
  'Whether a job in progress that does not move waits as its own rules say: for answers, a further attempt, its window, its pace or its queue. One whose turn came less than a minute ago still does, as long as a daemon is alive; one that waits after a failure does not.';
