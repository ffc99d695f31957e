-- Reads: pg_attribute, pg_type   Writes: nothing
create or replace function pgjobs.message_columns(_table text default null)
returns table (table_name text, field text, names text[], kind text, found name, type_name text, nullable boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select f.table_name, f.field, f.names, f.kind, a.attname, t.typname::text, not a.attnotnull
  from (values
    ('xmp_retries_expired', 'id', '{id}'::text[], 'needed'),
    ('xmp_retries_expired', 'msisdn', '{msisdn}', 'needed'),
    ('xmp_retries_expired', 'created_at', '{created_at}', 'moment'),
    ('xmp_retries_expired', 'last_pay_attempt_at', '{last_pay_attempt_at}', 'moment'),
    ('xmp_retries_expired', 'tid', '{tid}', 'text'),
    ('xmp_retries_expired', 'operator_code', '{operator_code}', 'bigint'),
    ('xmp_retries_expired', 'country_code', '{country_code}', 'bigint'),
    ('xmp_retries_expired', 'service_code', '{id_service}', 'bigint'),
    ('xmp_retries_expired', 'campaign_id', '{id_campaign}', 'bigint'),
    ('xmp_retries_expired', 'subscription_id', '{id_subscription}', 'bigint'),
    ('xmp_retries_expired', 'price', '{price}', 'text'),
    ('xmp_retries_expired', 'retry_days', '{keep_days,retry_days}', 'bigint'),
    ('xmp_retries_expired', 'delay_hours', '{delay_hours}', 'bigint'),
    ('xmp_subscriptions', 'id', '{id}', 'needed'),
    ('xmp_subscriptions', 'msisdn', '{msisdn}', 'needed'),
    ('xmp_subscriptions', 'result', '{result}', 'needed'),
    ('xmp_subscriptions', 'created_at', '{created_at}', 'needed'),
    ('xmp_subscriptions', 'last_pay_attempt_at', '{last_pay_attempt_at}', 'moment'),
    ('xmp_subscriptions', 'tid', '{tid}', 'text'),
    ('xmp_subscriptions', 'operator_code', '{operator_code}', 'bigint'),
    ('xmp_subscriptions', 'country_code', '{country_code}', 'bigint'),
    ('xmp_subscriptions', 'service_code', '{id_service}', 'bigint'),
    ('xmp_subscriptions', 'campaign_id', '{id_campaign}', 'bigint'),
    ('xmp_subscriptions', 'attempts_count', '{attempts_count}', 'bigint'),
    ('xmp_subscriptions', 'price', '{price}', 'text'),
    ('xmp_subscriptions', 'retry_days', '{keep_days,retry_days}', 'bigint'),
    ('xmp_subscriptions', 'delay_hours', '{delay_hours}', 'bigint'),
    ('xmp_subscriptions', 'paid_hours', '{paid_hours}', 'bigint'),
    ('xmp_subscriptions', 'pixel', '{pixel}', 'text'),
    ('xmp_subscriptions', 'publisher', '{publisher}', 'text'),
    ('xmp_services', 'price', '{price}', 'needed')
  ) f (table_name, field, names, kind)
  left join lateral (
    -- Whenever records are selected this is asked: one probe of the index by name, and one more where a field has two names.
    select x.attname, x.atttypid, x.attnotnull
    from pg_attribute x
    where x.attrelid = to_regclass('public.' || f.table_name) and x.attname = f.names[1]
    union all
    select x.attname, x.atttypid, x.attnotnull
    from pg_attribute x
    where x.attrelid = to_regclass('public.' || f.table_name) and x.attname = f.names[2]
    limit 1
  ) a on true
  left join pg_type t on t.oid = a.atttypid
  where _table is null or f.table_name = _table;
$$;
comment on function pgjobs.message_columns(text) is
  'What a message is made of: each field with the names its column may have, and the column that is there; found is null where there is none. Of one table, or of all.';
