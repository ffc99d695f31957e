-- The roles of pgjobs, made where the migrating role may make roles, and the owner of schema pgjobs: it is pgjobs_owner
-- where the migrating role is a superuser or a member of it, else the migrating role itself. What lies in the schema and
-- belongs to a member of pgjobs_owner, or to the owner before, then goes over to pgjobs_owner.
do $$
declare
  _role text;
  _owner oid;
  _former oid := (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs');
  _statement text;
begin
  -- Roles belong to the whole cluster: another database may have made them before, or may be making them just now.
  foreach _role in array array['pgjobs_owner', 'pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent'] loop
    if to_regrole(_role) is null then
      begin
        execute format('create role %I nologin', _role);
      exception
        when duplicate_object or unique_violation then
          null;
        when insufficient_privilege then
          -- pgjobs.remarks() tells about it, at every migrate.
          null;
      end;
    end if;
  end loop;

  _owner := to_regrole('pgjobs_owner');
  if _owner is null or not pg_has_role(_owner, 'usage') then
    return;
  end if;
  if _former <> _owner then
    alter schema pgjobs owner to pgjobs_owner;
  end if;
  for _statement in
    select format('alter %s %s owner to pgjobs_owner', m.kind, m.name)
    from (
      select case c.relkind when 'v' then 'view' when 'c' then 'type' else 'table' end as kind, c.oid::regclass::text as name,
             c.relowner as owner
      from pg_class c where c.relnamespace = 'pgjobs'::regnamespace and c.relkind in ('r', 'p', 'v', 'c')
      union all
      select 'routine', p.oid::regprocedure::text, p.proowner from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace
    ) m
    where m.owner <> _owner and (m.owner = _former or pg_has_role(m.owner, _owner, 'member'))
  loop
    execute _statement;
  end loop;
end
$$;
