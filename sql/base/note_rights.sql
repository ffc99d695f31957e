-- Reads: pg_class, pg_proc   Writes: schema_state
create or replace function pgjobs.note_rights()
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.schema_state s
  set rights = (
    select jsonb_agg(jsonb_build_array(r.role, r.privilege, r.thing) order by r.role, r.thing, r.privilege)
    from pgjobs.rights_in_force() r
    where r.is_owner or r.role = any ('{pgjobs_daemon,pgjobs_web,pgjobs_operator,pgjobs_viewer,pgjobs_agent}'));
$$;
comment on function pgjobs.note_rights() is
  'Notes the rights of the owner and of the roles as sql/access.sql has just made them, so that what somebody changes by hand is seen.';
