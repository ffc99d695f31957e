-- Reads: shards, xmp_jobs   Writes: callbacks
create or replace function pgjobs.claim_callback(_patience interval, _address boolean, _busy text[])
returns table (id bigint, attempt integer, job_id bigint, status text, host text, url text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.callbacks n
  set attempts = n.attempts + 1, due_at = pgjobs.now() + _patience, in_flight_until = clock_timestamp() + _patience
  from public.xmp_jobs j
  where j.id = n.job_id and n.id = (
    select o.id from pgjobs.callbacks o
    where o.closed_at is null and o.due_at <= pgjobs.now() and o.created_at >= pgjobs.oldest_callback()
      and (_address or o.host <> '') and o.host <> all (_busy)
      -- An older call of the same job, superseded or not, comes to its end first.
      and not exists (
        select from pgjobs.callbacks f where f.job_id = o.job_id and f.in_flight_until > clock_timestamp())
      and not exists (
        select from pgjobs.shards p
        where p.job_id = o.job_id and p.owner is not null and p.lease_until > clock_timestamp() and o.attempts = 0
          and o.created_at > clock_timestamp() - interval '5 minutes')
    order by o.due_at limit 1 for update skip locked)
  returning n.id, n.attempts, n.job_id, n.status, n.host, j.callback_url;
$$;
comment on function pgjobs.claim_callback(interval, boolean, text[]) is
  'Takes one callback that is due, not before the last checkpoint of its job, nor while another one of the same job may be on its way; none of a busy host, and only of jobs with an own address where the caller has none. If the caller dies it falls due again after that patience.';
