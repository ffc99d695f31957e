-- Reads: switch   Writes: api_requests
create or replace function pgjobs.claim_api_request(_daemon uuid, _lease interval)
returns table (id bigint, exchange text, routing_key text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.api_requests c
  set owner = _daemon, lease_until = clock_timestamp() + _lease
  where c.id = (
    select o.id from pgjobs.api_requests o
    where o.closed_at is null and o.owner is null and o.expires_at > clock_timestamp()
      and not exists (select from pgjobs.switch s where s.held)
    order by o.id limit 1 for update skip locked)
  returning c.id, c.exchange, c.routing_key;
$$;
comment on function pgjobs.claim_api_request(uuid, interval) is
  'Takes one call that waits. A call is never taken twice: when its daemon dies its asker is told, and decides.';
