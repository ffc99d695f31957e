-- The groups stay: they belong to the whole cluster, and other databases may use them. They only lose their rights here.
do $$
declare
  _group text;
begin
  for _group in select r.rolname from pg_catalog.pg_roles r where r.rolname in ('pgjobs_viewer', 'pgjobs_operator') loop
    execute format('revoke all on schema pgjobs from %I', _group);
    execute format('revoke all on all tables in schema pgjobs from %I', _group);
    execute format('revoke all on all functions in schema pgjobs from %I', _group);
  end loop;
end
$$;
