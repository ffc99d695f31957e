-- Reads: schema_state, pg_class, pg_proc, pg_roles   Writes: nothing
create or replace function pgjobs.changed_rights()
returns table (role text, privilege text, thing text, is_missing boolean, is_ours boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with noted as (
    select r ->> 0 as role, r ->> 1 as privilege, r ->> 2 as thing
    from pgjobs.schema_state s
    cross join jsonb_array_elements(s.rights) r
    where to_regrole(r ->> 0) is not null
  ), in_force as materialized (
    select * from pgjobs.rights_in_force()
  )
  select n.role, n.privilege, n.thing, true, true
  from noted n
  where not exists (select from in_force f where (f.role, f.privilege, f.thing) = (n.role, n.privilege, n.thing))
  union all
  select f.role, f.privilege, f.thing, false,
         f.role = any ('{public,pgjobs_owner,pgjobs_daemon,pgjobs_web,pgjobs_operator,pgjobs_viewer,pgjobs_agent}')
  from in_force f
  where not f.is_owner and f.thing not like 'table public.%'
    -- To look into the schema alone is no right on anything in it.
    and (f.privilege, f.thing) <> ('usage', 'schema pgjobs')
    -- A function of the operator's own is none of our business.
    and (f.thing not like 'function %' or exists (select from pgjobs.schema_state s where s.functions ? substr(f.thing, 10)))
    and not exists (select from noted n where (n.role, n.privilege, n.thing) = (f.role, f.privilege, f.thing))
  order by 1, 3, 2;
$$;
comment on function pgjobs.changed_rights() is
  'Rights on schema pgjobs and what lies in it that somebody has revoked (is_missing) or granted by hand since sql/access.sql was applied, in the words of GRANT. is_ours: a right of the owner, of the roles of pgjobs or of everybody, which migrate puts back.';
