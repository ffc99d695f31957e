"""What the database's roles may do: too little, and jobs break off; too much, and others run as the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor import grants
from pgjobs.ops.doctor.finding import Finding, ok, problem, warning
from pgjobs.pg import connection as db

ABOUT = "rights"
GROUPS = {
    "pgjobs_daemon": "the daemon has",
    "pgjobs_web": "the web process has",
    "pgjobs_operator": "people who start and stop jobs have",
    "pgjobs_viewer": "people who look on have",
}
"""What lacks a role of its own where one of the groups is missing."""

ROLE = """
select r.rolname::text, n.nspowner::regrole::text,
       case when r.rolsuper then 'superuser'
            when pg_has_role(n.nspowner, 'usage') then 'owner'
            when pg_has_role(to_regrole('pgjobs_daemon'), 'usage') then 'daemon'
            else 'stranger' end
from pg_roles r, pg_namespace n
where r.rolname = current_user and n.nspname = 'pgjobs'
"""
MISSING_RIGHTS = "select role::text, relation, missing, is_hidden from pgjobs.missing_rights() order by relation"
OTHER_OWNERS = """
select r.rolname::text, array_agg(c.relname::text order by c.relname)
from pg_class c
join pg_roles r on r.oid = c.relowner
where c.relnamespace = 'public'::regnamespace and c.relname like 'xmp\\_%' and c.relkind in ('r', 'p', 'v')
  and not pg_has_role(c.relowner, (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs'), 'member')
group by r.rolname
order by r.rolname
"""
PUBLIC_CREATES = """
select exists (
  select from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  where n.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE')
"""
FURTHER_CALLERS = """
select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end, array_agg(distinct p.proname::text)
from pg_proc p
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
left join pg_roles r on r.oid = a.grantee
where p.pronamespace = 'pgjobs'::regnamespace and p.prosecdef and a.grantee <> p.proowner
  and coalesce(r.rolname, '') not in
    ('pgjobs_owner', 'pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent')
group by a.grantee
order by 1
"""
GROUP = "select to_regrole(%(name)s) is not null, has_schema_privilege(to_regrole(%(name)s)::oid, 'pgjobs', 'usage')"


async def findings(connection: db.Connection) -> AsyncIterator[Finding]:
    """The daemon's own role, then what other roles may do; one line that all is well where it is."""
    role, owner, kind = await (await connection.execute(ROLE)).fetchone() or ("", "", "")
    found = [*_own(role, owner, kind)]
    if kind != "stranger":
        found += [*await _missing(connection), *await grants.changed(connection)]
    found += [*await _others(connection, owner), *await _groups(connection), *await grants.roles(connection)]
    for one in found or [ok(ABOUT, f"role {role} may do what a daemon needs, and others nothing that runs as {owner}")]:
        yield one


def _own(role: str, owner: str, kind: str) -> list[Finding]:
    if kind == "superuser":
        return [
            warning(
                ABOUT,
                f"the daemon's role {role} is a superuser, and a daemon needs few rights",
                "log in as a plain role that is a member of pgjobs_daemon",
            )
        ]
    if kind == "owner":
        return [
            warning(
                ABOUT,
                f"the daemon's role {role} may do all that the owner of schema pgjobs may ({owner}), and needs less",
                "log in as a plain role that is a member of pgjobs_daemon",
            )
        ]
    if kind == "stranger":
        return [problem(ABOUT, f"role {role} has not the rights of a daemon", f"grant pgjobs_daemon to {role}")]
    return []


async def _missing(connection: db.Connection) -> list[Finding]:
    found = []
    for role, relation, missing, is_hidden in await (await connection.execute(MISSING_RIGHTS)).fetchall():
        found.append(
            problem(
                ABOUT,
                f"row level security hides rows of {relation} from role {role}: its jobs break off",
                f"alter role {role} bypassrls, or: alter table {relation} disable row level security",
            )
            if is_hidden
            else problem(
                ABOUT,
                f"role {role}, as which the engine's functions run, has no right to {missing} on {relation}",
                f"grant {missing} on {relation} to {role}",
            )
        )
    return found


async def _others(connection: db.Connection, schema_owner: str) -> list[Finding]:
    found = []
    if await db.value(connection, PUBLIC_CREATES):
        found.append(
            warning(
                ABOUT,
                "every role may create objects in schema public, as PostgreSQL allowed before version 15",
                "revoke create on schema public from public",
            )
        )
    for owner, tables in await (await connection.execute(OTHER_OWNERS)).fetchall():
        found.append(
            warning(
                ABOUT,
                f"{', '.join(tables)} {'belongs' if len(tables) == 1 else 'belong'} to role {owner}:"
                f" its triggers, rules and index functions there run with the rights of {schema_owner}",
                f"keep {owner} as safe as {schema_owner}, or: alter table {tables[0]} owner to {schema_owner}",
            )
        )
    for caller, functions in await (await connection.execute(FURTHER_CALLERS)).fetchall():
        first = f"{functions[0]} (and {len(functions) - 1} more)" if len(functions) > 1 else functions[0]
        found.append(
            warning(
                ABOUT,
                f"{'every role' if caller == 'public' else f'role {caller}'} may call pgjobs.{first},"
                f" which runs with the rights of {schema_owner}",
                f"revoke all on all functions in schema pgjobs from {caller}",
            )
        )
    return found


async def _groups(connection: db.Connection) -> list[Finding]:
    found = []
    for group, who in GROUPS.items():
        exists, granted = await (await connection.execute(GROUP, {"name": group})).fetchone() or (False, False)
        if not exists:
            sentence = f"the role {group} is missing: {who} none of their own"
            found.append(warning(ABOUT, sentence, f"create role {group} nologin; then run: pgjobs migrate"))
        elif not granted:
            found.append(warning(ABOUT, f"the role {group} has no rights in this database", "run: pgjobs migrate"))
    return found
