-- Reads: calls, pg_attribute   Writes: nothing
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
begin
  select c.params, c.asked_at into strict _params, _asked_at from pgjobs.calls c where c.id = _call_id;
  return format(
    'select s.id::bigint as key, convert_to(coalesce(s.msisdn, ''''), ''UTF8'') as msg, null::text as reason,'
    ' pgjobs.charge_message(''"subscription_id":'' || s.id, s.msisdn, s.tid, s.operator_code, s.country_code, s.id_service, s.id_campaign, null, null,'
    ' pgjobs.utc(s.created_at), pgjobs.utc(s.last_pay_attempt_at), s.attempts_count, s.price::text, s.keep_days, s.delay_hours,'
    ' s.pixel, s.publisher, s.paid_hours) as body'
    ' from public.xmp_subscriptions s where s.result = '''' and s.created_at < %s order by s.id limit %s',
    pgjobs.moment_literal(_asked_at - make_interval(hours => (_params ->> 'hours')::integer), 'public.xmp_subscriptions', 'created_at'),
    (_params ->> 'limit')::bigint);
end;
$$;
comment on function pgjobs.suspended_records(bigint) is
  'Selection of a call of /api: subscriptions without a result that are older than the given hours, the oldest first.';
