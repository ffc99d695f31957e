-- Reads: shards, xmp_jobs, and what awaits_operations and callback_body read   Writes: callbacks, and what gather_callbacks writes
create or replace function pgjobs.claim_callback(_patience interval, _address boolean, _busy text[], _most integer)
returns table (id bigint, attempt integer, job_id bigint, status text, host text, url text, message_id text, body text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _taken pgjobs.callbacks;
  _job public.xmp_jobs;
begin
  perform pgjobs.gather_callbacks(_most);
  update pgjobs.callbacks n
  set attempts = n.attempts + 1, due_at = pgjobs.now() + _patience, in_flight_until = clock_timestamp() + _patience
  where n.id = (
    select o.id from pgjobs.callbacks o
    where o.closed_at is null and o.due_at <= pgjobs.now() and o.created_at >= pgjobs.oldest_callback()
      and (_address or o.host <> '') and o.host <> all (_busy)
      -- An older call of the same job, superseded or not, comes to its end first.
      and not exists (
        select from pgjobs.callbacks f
        where f.job_id = o.job_id and f.in_flight_until is not null and f.in_flight_until > clock_timestamp())
      and (o.keys is not null or not exists (
        select from pgjobs.shards p
        where p.job_id = o.job_id and p.owner is not null and p.lease_until > clock_timestamp() and o.attempts = 0
          and o.created_at > clock_timestamp() - interval '5 minutes'))
      and not (o.posts and o.keys is null and pgjobs.awaits_operations(o.job_id))
    order by o.due_at limit 1 for update skip locked)
  returning n.* into _taken;
  if _taken.id is null then
    return;
  end if;
  select * into _job from public.xmp_jobs j where j.id = _taken.job_id;
  return query select _taken.id, _taken.attempts, _taken.job_id, _taken.status, _taken.host, _job.callback_url,
    pgjobs.guid_of(_job.id, _job.guid) || ':' || _taken.id, case when _taken.posts then pgjobs.callback_body(_job, _taken.keys) end;
end;
$$;
comment on function pgjobs.claim_callback(interval, boolean, text[], integer) is
  'Takes one callback that is due, not before the last checkpoint of its job, nor while another one of the same job may be on its way; none of a busy host, and only of jobs with an own address where the caller has none. One about ended operations tells of so many at most. If the caller dies it falls due again after that patience. body: what is to be posted; null: it is a GET. message_id: the same with each attempt.';
