-- Reads: schema_state, pg_class, pg_proc   Writes: nothing
create or replace function pgjobs.lacking_rights(_group text)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with needed as (
    select r ->> 1 as privilege, r ->> 2 as thing, split_part(r ->> 2, ' ', 1) as kind, substr(r ->> 2, strpos(r ->> 2, ' ') + 1) as name
    from pgjobs.schema_state s
    cross join jsonb_array_elements(s.rights) r
    where r ->> 0 = _group
  ), lacking as (
    select n.privilege, n.thing
    from needed n
    -- What is not there at all is no matter of rights.
    where not case n.kind
      when 'schema' then has_schema_privilege(session_user, n.name, n.privilege)
      when 'function' then coalesce(has_function_privilege(session_user, to_regprocedure(n.name)::oid, n.privilege), true)
      when 'sequence' then coalesce(has_sequence_privilege(session_user, to_regclass(n.name)::oid, n.privilege), true)
      else coalesce(case when n.privilege like '%(%'
        then has_column_privilege(session_user, to_regclass(n.name)::oid,
          (select a.attnum from pg_attribute a
           where a.attrelid = to_regclass(n.name) and format('%I', a.attname) = substring(n.privilege from '\((.*)\)')),
          split_part(n.privilege, ' ', 1))
        else has_table_privilege(session_user, to_regclass(n.name)::oid, n.privilege) end, true) end
  )
  select format('%s on %s', min(l.privilege), l.thing) || case when count(*) over () > 1 then format(' (and %s more)', count(*) over () - 1) else '' end
  from lacking l
  group by l.thing
  order by l.thing
  limit 1;
$$;
comment on function pgjobs.lacking_rights(text) is
  'What the role that logged in lacks of the rights of one of the roles of pgjobs: one of them, and how many more things there are; null: nothing.';
