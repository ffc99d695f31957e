"""What the roles of pgjobs and others may do beyond or short of sql/access.sql, and what the six roles are."""

from __future__ import annotations

from pgjobs.ops.doctor.finding import Finding, problem, warning
from pgjobs.pg import connection as db

ABOUT = "rights"
CHANGED = """
select role, is_missing, is_ours, count(*), min(privilege || ' on ' || thing), min(split_part(thing, ' ', 1))
from pgjobs.changed_rights()
-- Who else may call what runs with the owner's rights is told apart.
where is_ours or thing not like 'function %'
group by role, is_missing, is_ours, case when is_ours then '' else split_part(thing, ' ', 1) end
order by 1, 2
"""
SIX = "'pgjobs_owner', 'pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent'"
ATTRIBUTES = f"""
select r.rolname::text, a.attribute
from pg_roles r
cross join lateral (values
  ('login', r.rolcanlogin), ('superuser', r.rolsuper), ('createrole', r.rolcreaterole), ('createdb', r.rolcreatedb),
  ('replication', r.rolreplication),
  -- The owner may need it where the operator's tables have row level security.
  ('bypassrls', r.rolbypassrls and r.rolname <> 'pgjobs_owner')) a (attribute, has)
where r.rolname in ({SIX}) and a.has
order by 1, 2
"""  # noqa: S608 names of ours
MEMBERSHIPS = f"""
select m.rolname::text, g.rolname::text
from pg_auth_members a
join pg_roles m on m.oid = a.member and m.rolname in ({SIX})
join pg_roles g on g.oid = a.roleid
order by 1, 2
"""  # noqa: S608 names of ours


async def changed(connection: db.Connection) -> list[Finding]:
    """Rights on what lies in schema pgjobs that somebody has granted or revoked by hand."""
    return [_changed(*row) for row in await (await connection.execute(CHANGED)).fetchall()]


async def roles(connection: db.Connection) -> list[Finding]:
    """What one of the six roles is or belongs to: they only bundle rights, and log in nowhere."""
    found = []
    for role, attribute in await (await connection.execute(ATTRIBUTES)).fetchall():
        found.append(
            warning(
                ABOUT,
                f"the role {role} has the attribute {attribute}, and needs none",
                f"alter role {role} no{attribute}; a role of your own that needs it is made a member of {role}",
            )
        )
    for member, group in await (await connection.execute(MEMBERSHIPS)).fetchall():
        found.append(
            warning(
                ABOUT,
                f"the role {member} is a member of {group}: whoever is a member of {member} may do what {group} may",
                f"revoke {group} from {member}, and grant {group} to those alone who need it",
            )
        )
    return found


def _changed(role: str, is_missing: bool, is_ours: bool, count: int, first: str, kind: str) -> Finding:
    more = f" (and {count - 1} more)" if count > 1 else ""
    back = "run: pgjobs migrate, which puts the rights back"
    if is_missing:
        return problem(ABOUT, f"role {role} has lost its right to {first}{more}: somebody has revoked it", back)
    who = "every role" if role == "public" else f"role {role}"
    words = f"{who} may {first}{more}, which sql/access.sql grants to nobody or to other roles"
    if is_ours:
        return warning(ABOUT, words, f"{back}; for a role of your own: grant it one of the roles of pgjobs")
    what = "schema pgjobs" if kind == "schema" else f"all {kind}s in schema pgjobs"
    return warning(ABOUT, words, f"revoke all on {what} from {role}, and grant {role} one of the roles of pgjobs")
