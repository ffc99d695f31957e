-- Reads: nothing   Writes: nothing
create or replace function pgjobs.charge_body(
  _type text, _msisdn text, _tid text, _operator_code bigint, _country_code bigint, _service_id bigint, _campaign_id bigint,
  _subscription_id bigint, _retry_id bigint, _created_at timestamptz, _last_pay_attempt_at timestamptz, _attempts_count bigint,
  _price numeric, _retry_days bigint, _delay_hours bigint, _pixel text, _publisher text, _paid_hours bigint)
returns bytea
language sql
stable
as $$
  select convert_to('{"event_name":"charge","event_data":{' || substr(concat(
    ',"attempts_count":' || nullif(_attempts_count, 0),
    ',"type":' || to_json(nullif(_type, '')),
    ',"msisdn":' || to_json(nullif(_msisdn, '')),
    ',"tid":' || to_json(nullif(_tid, '')),
    ',"operator_code":' || nullif(_operator_code, 0),
    ',"country_code":' || nullif(_country_code, 0),
    ',"service_code":"' || nullif(_service_id, 0) || '"',
    ',"campaign_id":"' || nullif(_campaign_id, 0) || '"',
    ',"subscription_id":' || nullif(_subscription_id, 0),
    ',"retry_id":' || nullif(_retry_id, 0),
    ',"created_at":' || rtrim(to_json(timezone('UTC', _created_at))::text, '"') || 'Z"',
    ',"last_pay_attempt_at":' || rtrim(to_json(timezone('UTC', _last_pay_attempt_at))::text, '"') || 'Z"',
    ',"price":' || nullif(_price, 0),
    ',"retry_days":' || nullif(_retry_days, 0),
    ',"delay_hours":' || nullif(_delay_hours, 0),
    ',"pixel":' || to_json(nullif(_pixel, '')),
    ',"publisher":' || to_json(nullif(_publisher, '')),
    ',"paid_hours":' || nullif(_paid_hours, 0)), 2) || '}}', 'UTF8');
$$;
comment on function pgjobs.charge_body(text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, timestamptz, bigint, numeric, bigint, bigint, text, text, bigint) is
  'The message of one record as UTF-8 JSON; empty values are left out, moments are RFC 3339 in UTC, whatever zone the session has. Inlined into the selections: keep it a single expression, stable, without SET.';
