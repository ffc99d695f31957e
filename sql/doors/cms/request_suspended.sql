-- Reads: switch   Writes: api_requests (sends NOTIFY pgjobs)
create or replace function pgjobs.request_suspended(_limit bigint, _hours bigint, _patience interval, _actor text default null)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _id bigint;
begin
  if coalesce(_limit, 1000) not between 0 and 10000000 then
    perform pgjobs.refuse('PJ400', 'bad_limit', 'limit', format('limit: %s is out of range', _limit), 'give a number from 0 to 10000000', 'pgjobs.api_requests');
  end if;
  if coalesce(_hours, 1) not between 0 and 1000000 then
    perform pgjobs.refuse('PJ400', 'bad_hours', 'hours', format('hours: %s is out of range', _hours), 'give a number from 0 to 1000000', 'pgjobs.api_requests');
  end if;
  if pgjobs.held_reason() is not null then
    perform pgjobs.refuse('PJ503', 'held', 'call', pgjobs.held_reason(), 'ask again once everything is released', 'pgjobs.switch');
  end if;
  insert into pgjobs.api_requests (selector, routing_key, params, asked_at, expires_at, role, application, actor)
  values ('pgjobs.suspended_records', 'mobilink_mo_tarifficate',
          jsonb_build_object('limit', coalesce(_limit, 1000), 'hours', coalesce(_hours, 1)),
          pgjobs.now(), clock_timestamp() + _patience,
          session_user, nullif(current_setting('application_name', true), ''), pgjobs.actor())
  returning id into _id;
  perform set_config('pgjobs.actor', _former, true);
  perform pg_notify('pgjobs', 'call');
  return _id;
end;
$$;
comment on function pgjobs.request_suspended(bigint, bigint, interval, text) is
  'Asks a daemon to publish suspended subscriptions (at most limit, older than hours); nobody begins it after the asker''s patience, and it is refused (PJ503) while everything is held. The actor is the one who asks; only a trusted role may name one. Answers with the number of the call.';
