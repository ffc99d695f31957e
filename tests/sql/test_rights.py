"""The whole matrix of rights, compared with tests/sql/rights.txt: every role, and everything in schema pgjobs.

Beside it what makes it true: the list in sql/access.sql, the owner of everything, and who runs with the owner's rights.
"""

import ast
import os
import re
from pathlib import Path

import pytest
from fix_jobs import Db
from fix_roles import Login

from pgjobs.pg.schema import folder

GOLDEN = Path(__file__).with_name("rights.txt")
COMMAND = "REWRITE_RIGHTS=1 .venv/bin/pytest tests/sql/test_rights.py -k matrix"
PACKAGE = Path(__file__).parents[2] / "pgjobs"
ROLES = ("daemon", "web", "operator", "viewer", "agent")
FUNCTIONS = """
select r.role, 'function', case when count(*) over (partition by r.role, p.proname) = 1 then p.proname::text
  else format('%%s(%%s)', p.proname, oidvectortypes(p.proargtypes)) end, 'execute'
from unnest(%(roles)s::text[]) r (role)
join pg_proc p on has_function_privilege(r.role, p.oid, 'execute')
where p.pronamespace = 'pgjobs'::regnamespace
"""
RELATIONS = """
select r.role, case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end, c.oid::regclass::text,
       p.privilege
from unnest(%(roles)s::text[]) r (role)
cross join unnest('{select,insert,update,delete,truncate,references,trigger,usage}'::text[]) p (privilege)
join pg_class c on c.relkind in ('r', 'p', 'v', 'S') and case c.relkind
  when 'S' then p.privilege in ('usage', 'select', 'update') and has_sequence_privilege(r.role, c.oid, p.privilege)
  else p.privilege <> 'usage' and has_table_privilege(r.role, c.oid, p.privilege) end
where c.relnamespace = 'pgjobs'::regnamespace or c.relnamespace = 'public'::regnamespace and c.relname like 'xmp\\_%%'
"""
COLUMNS = """
select r.role, 'column', format('%%s.%%s', c.oid::regclass, a.attname), p.privilege
from unnest(%(roles)s::text[]) r (role)
cross join unnest('{select,insert,update,references}'::text[]) p (privilege)
join pg_class c on c.relkind in ('r', 'p', 'v')
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where (c.relnamespace = 'pgjobs'::regnamespace or c.relnamespace = 'public'::regnamespace and c.relname like 'xmp\\_%%')
  and has_column_privilege(r.role, c.oid, a.attnum, p.privilege) and not has_table_privilege(r.role, c.oid, p.privilege)
"""
SCHEMAS = """
select r.role, 'schema', n.nspname::text, p.privilege
from unnest(%(roles)s::text[]) r (role)
cross join unnest('{usage,create}'::text[]) p (privilege)
join pg_namespace n on n.nspname in ('pgjobs', 'public') and has_schema_privilege(r.role, n.oid, p.privilege)
"""
KINDS = ("schema", "function", "view", "table", "column", "sequence")


def matrix(db: Db, stranger: str) -> list[str]:
    """A line for each thing on which somebody has a right; the owner is told of where it does not own."""
    names = {f"pgjobs_{role}": role for role in ROLES} | {stranger: "stranger", "pgjobs_owner": "owner"}
    found: dict[tuple[int, str], dict[str, list[str]]] = {}
    for query in (SCHEMAS, FUNCTIONS, RELATIONS, COLUMNS):
        for role, kind, name, privilege in db.execute(query.encode(), {"roles": list(names)}).fetchall():
            if role != "pgjobs_owner" or name.startswith(("xmp_", "public")):
                rights = found.setdefault((KINDS.index(kind), name.removeprefix("pgjobs.")), {})
                rights.setdefault(names[role], []).append(privilege)
    lines = []
    for (kind, name), rights in sorted(found.items()):
        who = [f"{role} {'/'.join(sorted(rights[role]))}" for role in names.values() if role in rights]
        lines.append(f"{KINDS[kind]:8} {name:32} {', '.join(who).replace(' execute', '')}")
    return lines


def test_the_matrix_of_rights(db: Db, login: Login) -> None:
    """Every role has exactly the rights of tests/sql/rights.txt on each function, view, table, column and sequence."""
    stranger = login().info.user
    assert "pgjobs_owner" == db.value("select nspowner::regrole::text from pg_namespace where nspname = 'pgjobs'")
    told = "Who may do what; whatever is not here is closed to everybody but the owner of schema pgjobs."
    text = "\n".join((f"# {told}", f"# Made by: {COMMAND}", *matrix(db, stranger))) + "\n"
    if os.environ.get("REWRITE_RIGHTS"):
        GOLDEN.write_text(text)
    expected, actual = set(GOLDEN.read_text().splitlines()), set(text.splitlines())
    lines = [f"- {line}" for line in sorted(expected - actual)] + [f"+ {line}" for line in sorted(actual - expected)]
    assert not lines, f"rights are not those of {GOLDEN.name}; where they are meant: {COMMAND}\n" + "\n".join(lines)


def test_the_owner_owns_everything(db: Db) -> None:
    """Each table, view, sequence, type and function of schema pgjobs belongs to the role that logs in nowhere."""
    others = db.column(
        "select x.name from (select relname, relnamespace, relowner from pg_class"
        " union all select proname, pronamespace, proowner from pg_proc"
        " union all select typname, typnamespace, typowner from pg_type) x (name, namespace, owner)"
        " where x.namespace = 'pgjobs'::regnamespace and x.owner <> 'pgjobs_owner'::regrole"
    )
    assert [] == others
    able = "rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
    assert [] == db.column(f"select rolname from pg_roles where rolname ~ '^pgjobs_[a-z]+$' and ({able})")  # noqa: S608


def test_whoever_may_call_is_lent_the_rights_of_the_owner(db: Db) -> None:
    """A function that somebody else may call runs as its owner, unless it reads nothing."""
    lent_nothing = db.column(
        "select p.proname::text from pg_proc p where p.pronamespace = 'pgjobs'::regnamespace and not p.prosecdef"
        " and exists (select from aclexplode(p.proacl) a where a.grantee <> p.proowner) order by 1"
    )
    harmless = [
        "alert_rules",
        "is_replayed",
        "measured",
        "now",
        "readable",
        "record_codes",
        "seconds_between",
        "snapshot_age",  # of the sessions of the caller
        "trusted_setting",
        "wanted_indexes",
        "whole",
    ]
    assert harmless == lent_nothing


def listed() -> list[tuple[str, str, set[str]]]:
    """What each line of sql/access.sql grants: kind, name, roles."""
    text = (folder("sql") / "access.sql").read_text()
    lines = re.findall(r"^grant (.+) on (?:\w+ )?([\w.]+) to (.+);$", text, re.MULTILINE)
    return [(kind, name, {role.removeprefix("pgjobs_") for role in roles.split(", ")}) for kind, name, roles in lines]


def test_the_list_says_each_thing_once() -> None:
    """One line for each kind of right on a thing, and no role but the six."""
    lines = listed()
    assert len({(kind, name) for kind, name, _ in lines}) == len(lines)
    assert {*ROLES, "owner"} == set().union(*(roles for _, _, roles in lines))


@pytest.mark.parametrize(
    ("part", "role"), [("engine", "daemon"), ("joblog", "daemon"), ("ops/doctor", "daemon"), ("web", "web")]
)
def test_whatever_a_process_calls_it_may_call(part: str, role: str) -> None:
    """Each function and table that the Python of a process names in its SQL is granted to its role."""
    granted = {name for _, name, roles in listed() if role in roles}
    called = set()
    for path in (PACKAGE / part).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if re.match(r"\s*(select|copy|with)\b", text) or re.fullmatch(r"pgjobs\.[a-z]+_[a-z_]+", text):
                called.update(re.findall(r"\bpgjobs\.[a-z_]+(?=\s|\(|$)", text))
    assert called
    assert set() == called - granted
