"""What the database's roles may do: too little, and jobs break off; too much, and others run as the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor.finding import Finding, ok, problem, warning
from pgjobs.ops.doctor.tables import READ
from pgjobs.pg import connection as db

ABOUT = "rights"
GROUPS = ("pgjobs_viewer", "pgjobs_operator")

ROLE = "select r.rolname::text, r.rolsuper from pg_roles r where r.rolname = current_user"
MISSING_RIGHTS = """
select format('%%s on %%s', string_agg(w.privilege, ', ' order by w.privilege), w.name)
from (
  select format('public.%%I', t) as name, 'SELECT' as privilege from unnest(%(read)s::text[]) t
  union all
  select 'public.xmp_jobs', p from unnest(array['SELECT', 'UPDATE']) p
) w
where to_regclass(w.name) is not null and not has_table_privilege(to_regclass(w.name), w.privilege)
group by w.name
order by w.name
"""
HIDDEN = """
select c.relname::text from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relname like 'xmp\\_%' and c.relkind in ('r', 'p')
  and row_security_active(c.oid)
order by c.relname
"""
OTHER_OWNERS = """
select r.rolname::text, array_agg(c.relname::text order by c.relname)
from pg_class c
join pg_roles r on r.oid = c.relowner
where c.relnamespace = 'public'::regnamespace and c.relname like 'xmp\\_%' and c.relkind in ('r', 'p', 'v')
  and not r.rolsuper and c.relowner <> (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs')
group by r.rolname
order by r.rolname
"""
PUBLIC_CREATES = """
select exists (
  select from pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
  where n.nspname = 'public' and a.grantee = 0 and a.privilege_type = 'CREATE')
"""
GROUP = """
select exists (select from pg_roles r where r.rolname = %(name)s),
       coalesce((select has_function_privilege(r.oid, 'pgjobs.why(bigint)', 'execute')
                 from pg_roles r where r.rolname = %(name)s), false)
"""


async def findings(connection: db.Connection) -> AsyncIterator[Finding]:
    """The daemon's own role, then what other roles may do; one line that all is well where it is."""
    role, superuser = await (await connection.execute(ROLE)).fetchone() or ("", False)
    found = [
        *await _own(connection, role, superuser=superuser),
        *await _others(connection, role),
        *await _groups(connection),
    ]
    for one in found or [ok(ABOUT, f"role {role} may do what a daemon needs, and others nothing that runs as it")]:
        yield one


async def _own(connection: db.Connection, role: str, *, superuser: bool) -> list[Finding]:
    found = []
    if superuser:
        found.append(
            warning(
                ABOUT,
                f"the daemon's role {role} is a superuser: a selector, or a trigger on xmp_jobs, may do anything",
                "log in as a plain role that owns schema pgjobs (see docker-compose.yml)",
            )
        )
    missing = [name for (name,) in await (await connection.execute(MISSING_RIGHTS, {"read": list(READ)})).fetchall()]
    if missing:
        found.append(
            problem(ABOUT, f"role {role} has no right to {'; '.join(missing)}", f"grant {missing[0]} to {role}")
        )
    hidden = [name for (name,) in await (await connection.execute(HIDDEN)).fetchall()]
    if hidden:
        found.append(
            problem(
                ABOUT,
                f"row level security applies to role {role} on {', '.join(hidden)}: its jobs break off",
                f"alter role {role} bypassrls, or: alter table {hidden[0]} no force row level security",
            )
        )
    return found


async def _others(connection: db.Connection, role: str) -> list[Finding]:
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
                f" its triggers, rules and index functions there run with the rights of {role}",
                f"keep {owner} as safe as {role}, or: alter table {tables[0]} owner to {role}",
            )
        )
    return found


async def _groups(connection: db.Connection) -> list[Finding]:
    found = []
    for group in GROUPS:
        exists, granted = await (await connection.execute(GROUP, {"name": group})).fetchone() or (False, False)
        if not exists:
            sentence = f"the group {group} is missing: people and the web process have no role of their own"
            found.append(warning(ABOUT, sentence, f"create role {group} nologin; then run: pgjobs migrate"))
        elif not granted:
            found.append(warning(ABOUT, f"the group {group} has no rights in this database", "run: pgjobs migrate"))
    return found
