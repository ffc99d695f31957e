-- Two groups for people and programs that watch and steer jobs; what they may do is listed in sql/access.sql.
-- depends: 0002.engine

-- Roles belong to the whole cluster: another database may have made them before, or may be making them just now.
do $$
declare
  _group text;
begin
  foreach _group in array array['pgjobs_viewer', 'pgjobs_operator'] loop
    if not exists (select from pg_catalog.pg_roles r where r.rolname = _group) then
      begin
        execute format('create role %I nologin', _group);
      exception
        when duplicate_object or unique_violation then
          null;
        when insufficient_privilege then
          -- pgjobs.remarks() tells about it, at every migrate.
          null;
      end;
    end if;
  end loop;
end
$$;
