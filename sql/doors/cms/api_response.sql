-- Reads: api_requests, daemons   Writes: nothing
create or replace function pgjobs.api_response(_id bigint)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _call pgjobs.api_requests;
  _look text := format('see published, error and closed_at of row %s of pgjobs.api_requests', _id);
begin
  select * into _call from pgjobs.api_requests c where c.id = _id;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_call', 'id', format('there is no call %s', _id), 'look up the id in pgjobs.api_requests');
  elsif _call.owner is null and (_call.closed_at is not null or clock_timestamp() > _call.expires_at) then
    if exists (select from pgjobs.live_daemons()) then
      perform pgjobs.refuse('PJ503', 'daemons_busy', 'call', 'the daemons were busy with other calls, nothing was published',
        'call again when those are done, or start a further daemon');
    end if;
    perform pgjobs.refuse('PJ503', 'no_daemon', 'call', 'no daemon took the call in time, nothing was published',
      'start one with "pgjobs daemon" and call again', 'pgjobs.api_requests');
  elsif _call.error is not null then
    perform pgjobs.refuse('PJ503', 'call_failed', 'call', _call.error, 'mend what the sentence names and call again', 'pgjobs.api_requests');
  elsif _call.closed_at is not null then
    return _call.published;
  elsif _call.lease_until < clock_timestamp()
        and not exists (select from pgjobs.live_daemons() w where w.id = _call.owner) then
    perform pgjobs.refuse('PJ503', 'call_lost', 'call',
      format('the daemon that took call %s fell silent, and a part of it may have been published', _id),
      'count what arrived in the queue before you call again', 'pgjobs.api_requests');
  elsif clock_timestamp() > _call.expires_at then
    perform pgjobs.refuse('PJ503', 'call_goes_on', 'call',
      format('call %s takes longer than its asker waits, and goes on', _id), _look, 'pgjobs.api_requests');
  end if;
  return null;
end;
$$;
comment on function pgjobs.api_response(bigint) is
  'How many messages a call has published; null while it is not finished and its asker still waits; refuses when there is no such call (PJ404), and (PJ503) when it failed, nobody took it in time, its daemon was lost, or the patience is over.';
