-- Reads: nothing   Writes: nothing
create or replace function pgjobs.charge_message(
  _always text, _msisdn text, _tid text, _operator_code bigint, _country_code bigint, _service_id bigint, _campaign_id bigint,
  _subscription_id bigint, _retry_id bigint, _created_at timestamptz, _last_pay_attempt_at timestamptz, _attempts_count bigint,
  _price text, _retry_days bigint, _delay_hours bigint, _pixel text, _publisher text, _paid_hours bigint)
returns text
language sql
stable
as $$
  -- One flat concat of many parts: three times as fast as || between them, or as a concat in a concat.
  select concat(
    '{"event_name":"charge","event_data":{', _always,
    case when _attempts_count <> 0 then ',"attempts_count":' end, nullif(_attempts_count, 0),
    case when _msisdn <> '' then ',"msisdn":' end, to_json(nullif(_msisdn, '')),
    case when _tid <> '' then ',"tid":' end, to_json(nullif(_tid, '')),
    ',"operator_code":' || nullif(_operator_code, 0),
    case when _country_code <> 0 then ',"country_code":' end, nullif(_country_code, 0),
    case when _service_id <> 0 then ',"service_code":"' end, nullif(_service_id, 0), case when _service_id <> 0 then '"' end,
    case when _campaign_id <> 0 then ',"campaign_id":"' end, nullif(_campaign_id, 0), case when _campaign_id <> 0 then '"' end,
    case when _subscription_id <> 0 then ',"subscription_id":' end, nullif(_subscription_id, 0),
    case when _retry_id <> 0 then ',"retry_id":' end, nullif(_retry_id, 0),
    case when _created_at >= timestamptz '0001-01-01 00:00Z' and _created_at < timestamptz '9999-12-31 24:00Z' then
      ',"created_at":' || left(to_json(timezone('UTC', _created_at))::text, -1) || 'Z"' end,
    case when _last_pay_attempt_at >= timestamptz '0001-01-01 00:00Z' and _last_pay_attempt_at < timestamptz '9999-12-31 24:00Z' then
      ',"last_pay_attempt_at":' || left(to_json(timezone('UTC', _last_pay_attempt_at))::text, -1) || 'Z"' end,
    ',"price":' || nullif(_price, '0'),
    case when _retry_days <> 0 then ',"retry_days":' end, nullif(_retry_days, 0),
    case when _delay_hours <> 0 then ',"delay_hours":' end, nullif(_delay_hours, 0),
    case when _pixel <> '' then ',"pixel":' end, to_json(nullif(_pixel, '')),
    case when _publisher <> '' then ',"publisher":' end, to_json(nullif(_publisher, '')),
    case when _paid_hours <> 0 then ',"paid_hours":' end, nullif(_paid_hours, 0), '}}');
$$;
comment on function pgjobs.charge_message(text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, timestamptz, bigint, text, bigint, bigint, text, text, bigint) is
  'The message of one record as JSON; empty values are left out, moments are RFC 3339 in UTC, whatever zone the session has; those RFC 3339 cannot say (infinite, before our era, beyond year 9999) are left out. _always are the JSON pairs that every record has, one at least. Inlined into the selections: keep it a single expression, stable, without SET; an argument that may be a subquery (operator_code) is used once only.';
