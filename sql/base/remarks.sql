-- Reads: xmp_jobs, pg_attribute, pg_roles   Writes: nothing
create or replace function pgjobs.remarks()
returns setof text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _ids bigint[];
begin
  return query select s.remark from pgjobs.index_steps() s where s.remark is not null;
  return query
    select format('role %s does not exist, so nobody is granted what it may do; as a role with CREATEROLE: create role %s nologin, then run: pgjobs migrate', g, g)
    from unnest(array['pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent']) g
    where to_regrole(g) is null;
  return query
    select case
      when m.is_hidden then format('row level security hides rows of %s from role %I, and its jobs break off: alter role %I bypassrls, or give it a policy that shows all rows', m.relation, m.role, m.role)
      else format('role %I lacks rights that jobs need; as the owner of %s: grant %s on %s to %I', m.role, m.relation, m.missing, m.relation, m.role) end
    from pgjobs.missing_rights() m;
  _ids := array(select j.id from public.xmp_jobs j where j.status::text = 'ready' and not isfinite(j.run_at) order by j.id limit 6);
  if _ids <> '{}' then
    return next format('jobs that are ready have an infinite run_at, which no clock reaches: %s%s; give them a moment, or cancel them',
      array_to_string(_ids[1:5], ', '), case when cardinality(_ids) > 5 then ', ...' else '' end);
  end if;
  return query
    select format('table %s has no column %s: %s', m.table_name, m.column_name, m.consequence) from pgjobs.missing_columns() m;
end;
$$;
comment on function pgjobs.remarks() is
  'What migrate leaves to people, a sentence each: roles, rights and indexes that are not ours to make, jobs whose moment never comes, columns of the operator''s tables that are nowhere.';
