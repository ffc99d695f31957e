-- Reads: api_requests, pg_attribute   Writes: nothing
create or replace function pgjobs.suspended_records(_call_id bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _params jsonb;
  _asked_at timestamptz;
  _read jsonb := pgjobs.message_expressions('xmp_subscriptions', 's');
begin
  select c.params, c.asked_at into strict _params, _asked_at from pgjobs.api_requests c where c.id = _call_id;
  return format(
    'select s.id::bigint as key, s.msisdn::text as target, null::text as code, null::text as detail,'
    ' pgjobs.charge_message(''"subscription_id":'' || s.id, s.msisdn, %s, %s, %s, %s, %s, null, null,'
    ' pgjobs.utc(s.created_at), %s, %s, %s, %s, %s, %s, %s, %s) as body'
    ' from public.xmp_subscriptions s where s.result in (%s) and s.created_at < %s'
    ' and s.msisdn::bpchar <> '''' and case%s when false then '''' end is null order by s.id limit %s',
    _read ->> 'tid', _read ->> 'operator_code', _read ->> 'country_code', _read ->> 'service_code', _read ->> 'campaign_id',
    _read ->> 'last_pay_attempt_at', _read ->> 'attempts_count', _read ->> 'price', _read ->> 'retry_days',
    _read ->> 'delay_hours', _read ->> 'pixel', _read ->> 'publisher', _read ->> 'paid_hours',
    coalesce(pgjobs.known_words('public.xmp_subscriptions', 'result', '{""}'), 'null'),
    pgjobs.moment_literal(_asked_at - make_interval(hours => (_params ->> 'hours')::integer), 'public.xmp_subscriptions', 'created_at'),
    _read ->> 'price_fault',
    (_params ->> 'limit')::bigint);
end;
$$;
comment on function pgjobs.suspended_records(bigint) is
  'Selection of a call of /api: subscriptions without a result that are older than the given hours, the oldest first. One without msisdn, or with a price that no message can say, is not published.';
