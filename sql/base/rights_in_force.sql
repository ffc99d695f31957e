-- Reads: pg_namespace, pg_class, pg_attribute, pg_proc   Writes: nothing
create or replace function pgjobs.rights_in_force()
returns table (role text, privilege text, thing text, is_owner boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with granted (thing, columns, owner, acl, is_ours) as (
    select format('schema %I', n.nspname), '', n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)), true
    from pg_namespace n where n.nspname = 'pgjobs'
    union all
    select format('function %s', p.oid::regprocedure), '', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), true
    from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace
    union all
    select format('%s %s', case c.relkind when 'S' then 'sequence' else 'table' end, c.oid::regclass), '', c.relowner,
           coalesce(c.relacl, acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner)),
           c.relnamespace = 'pgjobs'::regnamespace
    from pg_class c
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and (c.relnamespace = 'pgjobs'::regnamespace
      or c.relnamespace = 'public'::regnamespace and c.relname in ('xmp_jobs', 'xmp_job_types'))
    union all
    select format('table %s', c.oid::regclass), format(' (%I)', a.attname), c.relowner, a.attacl, c.relnamespace = 'pgjobs'::regnamespace
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attacl is not null
    where c.relnamespace = 'pgjobs'::regnamespace
      or c.relnamespace = 'public'::regnamespace and c.relname in ('xmp_jobs', 'xmp_job_types')
  )
  select distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end, lower(a.privilege_type) || g.columns, g.thing,
         a.grantee = g.owner
  from granted g
  cross join aclexplode(g.acl) a
  -- What else somebody may do with the operator's tables is the operator's matter.
  where g.is_ours or a.grantee = to_regrole('pgjobs_daemon')::oid;
$$;
comment on function pgjobs.rights_in_force() is
  'Who may do what with schema pgjobs and everything in it, and what the daemons may read of the jobs: a row for each role (public: everybody), privilege and thing, in the words of GRANT.';
