-- Reads: pg_attribute, pg_enum   Writes: nothing
create or replace function pgjobs.missing_columns()
returns table (table_name text, column_name text, consequence text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.table_name, array_to_string(c.names, ' or '),
         case when c.kind = 'needed' then case c.table_name
                when 'xmp_retries_expired' then 'jobs of type expired can''t run'
                when 'xmp_services' then 'jobs of type injection can''t run'
                else '/api can''t publish' end
              else format('messages have no %s', c.field) end
  from pgjobs.message_columns() c
  where c.found is null
  union all
  select n.table_name, c.name, n.consequence
  from (values
    ('xmp_transactions', '{msisdn,result,sent_at}'::text[], 'jobs with never or last_charge_at can''t run'),
    ('xmp_services', '{id}', 'jobs of type injection can''t run'),
    ('xmp_operator_msisdn_prefix', '{id,operator_code,prefix}', 'jobs of type injection can''t run'),
    ('xmp_msisdn_blacklist', '{msisdn}', 'jobs of type injection can''t run'),
    ('xmp_msisdn_postpaid', '{msisdn}', 'jobs of type injection can''t run')
  ) n (table_name, names, consequence)
  cross join unnest(n.names) c (name)
  where not exists (
    select from pg_attribute a where a.attrelid = to_regclass('public.' || n.table_name) and a.attname = c.name)
  union all
  select 'xmp_jobs', 'status', format('its enum has no value %L, so no job can become that', s.status)
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid and t.typtype = 'e'
  cross join (values ('ready'), ('in progress'), ('canceled'), ('done'), ('error')) s (status)
  where a.attrelid = to_regclass('public.xmp_jobs') and a.attname = 'status'
    and not exists (select from pg_enum e where e.enumtypid = t.oid and replace(e.enumlabel, 'cancelled', 'canceled') = s.status)
  order by 1, 2;
$$;
comment on function pgjobs.missing_columns() is
  'Columns of the operator''s tables that are nowhere under any of their names, and what is left out without them; no row: nothing is missing.';
