-- Reads: pg_class, pg_namespace   Writes: nothing
create or replace function pgjobs.missing_rights()
returns table (role name, relation text, missing text, is_hidden boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- This runs as the owner of the schema, as whatever reads and writes these tables does.
  select current_user, 'schema public', 'usage', false
  where not has_schema_privilege('public', 'usage')
  union all
  -- Its size is one of the gauges.
  select current_user, format('database %I', current_database()), 'connect', false
  where not has_database_privilege(current_database(), 'connect')
  union all
  select current_user, 'public.' || w.name, coalesce(m.missing, ''), m.missing is null
  from (values
    ('xmp_jobs', '{select,insert,update,delete}'::text[]), ('xmp_job_types', '{select}'), ('xmp_retries', '{select}'),
    ('xmp_retries_expired', '{select}'), ('xmp_transactions', '{select}'), ('xmp_subscriptions', '{select}'),
    ('xmp_services', '{select}'), ('xmp_operator_msisdn_prefix', '{select}'), ('xmp_msisdn_blacklist', '{select}'),
    ('xmp_msisdn_postpaid', '{select}'), ('xmp_pixel_buffer', '{select}')
  ) w (name, privileges)
  join pg_class c on c.relnamespace = 'public'::regnamespace and c.relname = w.name
  cross join lateral (
    select string_agg(p, ', ') as missing from unnest(w.privileges) p where not has_table_privilege(c.oid, p)
  ) m
  where m.missing is not null or row_security_active(c.oid)
  union all
  -- An identity column needs no right on its sequence, a serial one does.
  select current_user, 'sequence ' || pg_get_serial_sequence('public.xmp_jobs', 'id'), 'usage', false
  from pg_attribute a
  where a.attrelid = to_regclass('public.xmp_jobs') and a.attname = 'id' and a.attidentity = ''
    and not has_sequence_privilege(pg_get_serial_sequence('public.xmp_jobs', 'id'), 'usage');
$$;
comment on function pgjobs.missing_rights() is
  'What the owner of schema pgjobs lacks on the operator''s tables, their schema and the database, a row each: the rights that are missing, or (is_hidden) that row level security hides rows from it, which breaks jobs off. No row: nothing is missing.';
