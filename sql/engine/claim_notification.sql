-- Reads: progress   Writes: notifications
create or replace function pgjobs.claim_notification(_patience interval)
returns table (id bigint, attempt integer, job_id bigint, status text)
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.notifications n
  set attempts = n.attempts + 1, due_at = pgjobs.now() + _patience
  where n.id = (
    select o.id from pgjobs.notifications o
    where o.closed_at is null and o.due_at <= pgjobs.now()
      and not exists (
        select from pgjobs.progress p
        where p.job_id = o.job_id and p.owner is not null and p.lease_until > clock_timestamp() and o.attempts = 0
          and o.created_at > clock_timestamp() - interval '5 minutes')
    order by o.due_at limit 1 for update skip locked)
  returning n.id, n.attempts, n.job_id, n.status;
$$;
comment on function pgjobs.claim_notification(interval) is
  'Takes one notification that is due, not before the last checkpoint of the job it speaks of; if its teller dies it falls due again after that patience.';
