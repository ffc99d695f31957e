-- Reads: nothing   Writes: nothing
create or replace function pgjobs.charge_body(
  _type text, _msisdn text, _tid text, _operator_code bigint, _country_code bigint, _service_id bigint, _campaign_id bigint,
  _subscription_id bigint, _retry_id bigint, _created_at timestamptz, _last_pay_attempt_at timestamptz, _attempts_count bigint,
  _price text, _retry_days bigint, _delay_hours bigint, _pixel text, _publisher text, _paid_hours bigint)
returns bytea
language sql
stable
as $$
  select convert_to('{"event_name":"charge","event_data":{' || substr(
    case when _attempts_count <> 0 then ',"attempts_count":' || _attempts_count else '' end
    || case when _type <> '' then ',"type":' || to_json(_type) else '' end
    || case when _msisdn <> '' then ',"msisdn":' || to_json(_msisdn) else '' end
    || case when _tid <> '' then ',"tid":' || to_json(_tid) else '' end
    || coalesce(',"operator_code":' || nullif(_operator_code, 0), '')
    || case when _country_code <> 0 then ',"country_code":' || _country_code else '' end
    || case when _service_id <> 0 then ',"service_code":"' || _service_id || '"' else '' end
    || case when _campaign_id <> 0 then ',"campaign_id":"' || _campaign_id || '"' else '' end
    || case when _subscription_id <> 0 then ',"subscription_id":' || _subscription_id else '' end
    || case when _retry_id <> 0 then ',"retry_id":' || _retry_id else '' end
    || case when _created_at is not null then ',"created_at":' || left(to_json(timezone('UTC', _created_at))::text, -1) || 'Z"' else '' end
    || case when _last_pay_attempt_at is not null then ',"last_pay_attempt_at":' || left(to_json(timezone('UTC', _last_pay_attempt_at))::text, -1) || 'Z"' else '' end
    || coalesce(',"price":' || nullif(_price, '0'), '')
    || case when _retry_days <> 0 then ',"retry_days":' || _retry_days else '' end
    || case when _delay_hours <> 0 then ',"delay_hours":' || _delay_hours else '' end
    || case when _pixel <> '' then ',"pixel":' || to_json(_pixel) else '' end
    || case when _publisher <> '' then ',"publisher":' || to_json(_publisher) else '' end
    || case when _paid_hours <> 0 then ',"paid_hours":' || _paid_hours else '' end, 2) || '}}', 'UTF8');
$$;
comment on function pgjobs.charge_body(text, text, text, bigint, bigint, bigint, bigint, bigint, bigint, timestamptz, timestamptz, bigint, text, bigint, bigint, text, text, bigint) is
  'The message of one record as UTF-8 JSON; empty values are left out, moments are RFC 3339 in UTC, whatever zone the session has. Inlined into the selections: keep it a single expression, stable, without SET; an argument that may be a subquery (operator_code) is used once only.';
