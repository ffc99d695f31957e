-- What has to be true before the first migration, each with a sentence where it is not; then the place of yoyo's history,
-- which is schema pgjobs whatever the search_path is. Nothing is changed or locked where all of that is so.
do $$
declare
  _tables constant text[] := array['xmp_job_types', 'xmp_jobs', 'xmp_retries', 'xmp_retries_expired', 'xmp_transactions',
    'xmp_subscriptions', 'xmp_services', 'xmp_operators', 'xmp_operator_msisdn_prefix', 'xmp_msisdn_blacklist',
    'xmp_msisdn_postpaid', 'xmp_pixel_buffer'];
  _schema regnamespace := to_regnamespace('pgjobs');
  _owner name;
  _missing text[];
  _found record;
begin
  if _schema is null and not has_database_privilege(current_database(), 'create') then
    raise exception using errcode = 'PJ409',
      message = format('role %I may not create schema pgjobs: it lacks CREATE on database %I', current_user, current_database()),
      hint = format('as the owner of the database: grant create on database %I to %I', current_database(), current_user);
  end if;
  select r.rolname into _owner from pg_namespace n join pg_roles r on r.oid = n.nspowner
  where n.oid = _schema and not pg_has_role(n.nspowner, 'usage');
  if found then
    raise exception using errcode = 'PJ409',
      message = format('schema pgjobs belongs to %I, and role %I is not a member of it', _owner, current_user),
      hint = 'migrate as a role that is a member of it, not as the role of the daemon or the web process';
  end if;
  if to_regnamespace('public') is null then
    raise exception using errcode = 'PJ409',
      message = 'there is no schema public, where pgjobs looks for the operator''s tables',
      hint = 'as the owner of the database: create schema public';
  end if;
  select coalesce(array_agg(t order by t), '{}') into _missing
  from unnest(_tables) t where to_regclass('public.' || t) is null;
  select n.nspname, string_agg(c.relname, ', ' order by c.relname) as names, min(c.relname) as first into _found
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relname = any (_missing) and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  group by n.nspname order by count(*) desc, n.nspname limit 1;
  if found then
    raise exception using errcode = 'PJ409',
      message = format('the operator''s tables are in schema %I and not in public, where pgjobs works with them: %s', _found.nspname, _found.names),
      hint = format('move each of them (alter table %I.%I set schema public), or give public a view of those that pgjobs only reads, '
                    'which are all but xmp_jobs and xmp_job_types', _found.nspname, _found.first);
  end if;
  if _missing <> '{}' and not has_schema_privilege('public', 'create') then
    raise exception using errcode = 'PJ409',
      message = format('role %I may not create the missing tables (%s): it lacks CREATE on schema public',
                       current_user, array_to_string(_missing, ', ')),
      hint = format('as the owner of schema public: grant create on schema public to %I', current_user);
  end if;
  select c.relname, c.relkind, r.rolname, pg_has_role(c.relowner, 'usage') as ours into _found
  from pg_class c join pg_roles r on r.oid = c.relowner
  where c.oid in (to_regclass('public.xmp_jobs'), to_regclass('public.xmp_job_types'))
    and (c.relkind not in ('r', 'p') or not pg_has_role(c.relowner, 'usage'))
  order by c.relname limit 1;
  if found and _found.ours then
    raise exception using errcode = 'PJ409',
      message = format('public.%I is no table, but pgjobs has to write it', _found.relname),
      hint = 'make it a table; only the tables that pgjobs reads may be views';
  elsif found then
    raise exception using errcode = 'PJ409',
      message = format('table public.%I belongs to %I: role %I can neither add columns nor triggers', _found.relname, _found.rolname, current_user),
      hint = format('migrate as %I, or: grant %I to %I', _found.rolname, _found.rolname, current_user);
  end if;

  if to_regclass('pgjobs._yoyo_migration') is not null then
    return;
  end if;
  create schema if not exists pgjobs;
  revoke create on schema pgjobs from public;
  create table if not exists pgjobs._yoyo_migration (migration_hash varchar(64), migration_id varchar(255), applied_at_utc timestamp);
  -- Another migrate may have made all this meanwhile, while this one waited for it.
  if exists (select from pg_constraint c where c.conrelid = 'pgjobs._yoyo_migration'::regclass and c.contype = 'p') then
    return;
  end if;
  alter table pgjobs._yoyo_migration add primary key (migration_hash);
  create table pgjobs._yoyo_log (
    id varchar(36) primary key, migration_hash varchar(64), migration_id varchar(255), operation varchar(10),
    username varchar(255), hostname varchar(255), comment varchar(255), created_at_utc timestamp);
  create table pgjobs._yoyo_version (version int primary key, installed_at_utc timestamp);
  insert into pgjobs._yoyo_version values (2, localtimestamp);
end
$$;
