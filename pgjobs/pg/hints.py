"""What an operator does about an error of PostgreSQL: a remedy by its SQLSTATE, or by its words before there is one."""

from __future__ import annotations

import re

import psycopg

DATABASE_URL = "PGJOBS_DATABASE_URL"
SERVER_AWAY = "check host and port in PGJOBS_DATABASE_URL, and that the server runs"
BUSY = "find the session that holds it: select pid, state, xact_start, query from pg_stat_activity order by xact_start"
MIGRATE = "run: pgjobs migrate"
NO_MEMBER = "check user and password in PGJOBS_DATABASE_URL, and the server's pg_hba.conf"
NO_DATABASE = "create the database, or mend its name in PGJOBS_DATABASE_URL"
WAIT_FOR_SERVER = "wait until the server has started, then try again"
TOO_MANY = (
    "raise max_connections or the limit of the role or database, or run fewer daemons or a smaller PGJOBS_MAX_RUNNING"
)

BY_SQLSTATE = {
    "08": SERVER_AWAY,
    "0A000": "check that the server is PostgreSQL 14 or newer and no pooler is in between",
    "22021": "mend the text that has bytes outside of the database's encoding",
    "22P05": "mend the text that has letters outside of the database's encoding",
    "23": "look at the row that the sentence names, and at constraints added to the tables",
    "25006": "point PGJOBS_DATABASE_URL at the primary, and look at default_transaction_read_only of role and database",
    "25P02": "try again; the error before this one is the cause",
    "25P03": "try again; raise idle_in_transaction_session_timeout of the role where it is shorter than a second",
    "25P04": "raise transaction_timeout of the role of PGJOBS_DATABASE_URL",
    "28": NO_MEMBER,
    "3D000": NO_DATABASE,
    "3F000": MIGRATE,
    "40": "try again: it met another transaction",
    "42501": "give the role of PGJOBS_DATABASE_URL the right that the sentence names, or use the role that ran migrate",
    "42703": MIGRATE,
    "42704": MIGRATE,
    "42883": MIGRATE,
    "42P01": MIGRATE,
    "53100": "make room on the disk of the database server",
    "53200": "give the database server more memory, or lower its settings that use it",
    "53300": TOO_MANY,
    "53": "look at the database server: disk, memory and connections",
    "55006": BUSY,
    "55P03": BUSY,
    "57014": "raise statement_timeout of the role of PGJOBS_DATABASE_URL, and look for locks and for missing indexes",
    "57P01": WAIT_FOR_SERVER,
    "57P02": WAIT_FOR_SERVER,
    "57P03": WAIT_FOR_SERVER,
    "57P05": "try again; raise idle_session_timeout of the role",
    "58": "look into the log of the database server: its disk or a file of it has failed",
    "XX": "look into the log of the database server: data or an index may be damaged",
}
"""By SQLSTATE, or by its class of two characters."""
_command: list[str] = []

GROUPS = {
    "daemon": "pgjobs_daemon", "doctor": "pgjobs_daemon", "web": "pgjobs_web",
    "jobs": "pgjobs_viewer", "show": "pgjobs_viewer", "watch": "pgjobs_viewer", "why": "pgjobs_viewer",
    "eta": "pgjobs_viewer", "plan": "pgjobs_viewer", "log": "pgjobs_viewer", "outcomes": "pgjobs_viewer",
    "events": "pgjobs_viewer", "report": "pgjobs_viewer", "tasks": "pgjobs_viewer", "agents": "pgjobs_viewer",
    "top": "pgjobs_viewer",
    "items": "pgjobs_operator", "create": "pgjobs_operator", "start": "pgjobs_operator", "stop": "pgjobs_operator",
    "verify": "pgjobs_operator", "pause": "pgjobs_operator", "resume": "pgjobs_operator", "retry": "pgjobs_operator",
    "cancel": "pgjobs_operator", "hold": "pgjobs_operator", "release": "pgjobs_operator",
    "migrate": "pgjobs_owner", "token": "pgjobs_owner",
}  # fmt: skip
"""The role of which a command's role is to be a member: sql/access.sql lists what each of them may do."""
READ_BY_COMMANDS = (
    "agent_status", "checkpoints", "daemons", "events", "job_items", "job_status", "log_segments", "outcomes",
    "schema_state", "shards", "task_status", "tokens",
)  # fmt: skip
"""Tables and views of schema pgjobs that commands read."""
RIGHTS = {
    "table": "select, insert, update on table",
    "view": "select on",
    "sequence": "usage on sequence",
    "schema": "usage on schema",
    "function": "execute on function",
    "procedure": "execute on procedure",
    "database": "create, connect on database",
    "language": "usage on language",
}

# A connection that is refused has no SQLSTATE in libpq; what a server says is in its own language.
BY_WORDS = (
    (r"password authentication failed|no password supplied|fe_sendauth", "28P01", NO_MEMBER),
    (
        r"pg_hba\.conf|no such user|authentication failed|role \".*\" (does not exist|is not permitted)",
        "28000",
        NO_MEMBER,
    ),
    (r"database \".*\" does not exist|no such database", "3D000", NO_DATABASE),
    (
        r"permission denied for database",
        "42501",
        "give the role of PGJOBS_DATABASE_URL the right connect on the database",
    ),
    (r"database \".*\" is not currently accepting connections", "", "alter database … with allow_connections true"),
    (r"too many (connections|clients)|remaining connection slots|connection slots are", "53300", TOO_MANY),
    (r"the database system is|not accepting connections", "57P03", WAIT_FOR_SERVER),
    (
        r"could not translate host name|Name or service not known|failed to resolve host",
        "",
        "check the host's name in PGJOBS_DATABASE_URL",
    ),
    (r"session is (not )?read-(only|write)|server is (not )?in hot standby", "25006", BY_SQLSTATE["25006"]),
    (
        r"does not support SSL",
        "",
        "switch TLS on at the server, or ask for none: sslmode in PGJOBS_DATABASE_URL, PGSSLMODE in the environment",
    ),
    (r"does not support GSS", "", "look at gssencmode in PGJOBS_DATABASE_URL and at PGGSSENCMODE in the environment"),
    (
        r"SSL|certificate|sslmode",
        "",
        "check the server's certificate; sslmode and sslrootcert in PGJOBS_DATABASE_URL; PGSSLMODE in the environment",
    ),
    (
        r"(unrecognized configuration|invalid value for|permission denied to set) parameter",
        "22023",
        "mend options in PGJOBS_DATABASE_URL or PGOPTIONS, or the setting of the role or database that is named",
    ),
    (r"[Tt]imeout|timed out", "", "check host and port in PGJOBS_DATABASE_URL, and firewalls on the way"),
    # Whatever else a server says of a session that it ends: in any language, behind its word for FATAL.
    (r"failed: \S+:  ", "", "do what the server says, and look into its log: it answers, and refuses the session"),
)


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE of an error, also of a refused connection where its words tell it; else an empty text."""
    known = getattr(error, "sqlstate", None)
    return known or next((state for words, state, _ in BY_WORDS if re.search(words, str(error))), "")


def hint_for(error: BaseException, url: str = DATABASE_URL) -> str:
    """What to do about an error of PostgreSQL or of the way to it; `url` is the setting with its address."""
    return _hint(error).replace(DATABASE_URL, url)


def _hint(error: BaseException) -> str:
    state = getattr(error, "sqlstate", None)
    if state == "42501":
        return _missing_right(error)
    if state:
        return BY_SQLSTATE.get(state) or BY_SQLSTATE.get(state[:2]) or "look into the log of the database server"
    return next((hint for words, _, hint in BY_WORDS if re.search(words, str(error))), SERVER_AWAY)


def refused_for_good(error: BaseException) -> bool:
    """Whether a connection was refused for what PGJOBS_DATABASE_URL says: waiting would not mend it."""
    return isinstance(error, psycopg.Error) and sqlstate(error)[:5].startswith(("28", "3D000", "42501"))


def of_command(command: str) -> None:
    """From now on hints are for this command of pgjobs."""
    _command.append(command)


def membership() -> str:
    """What to do for a role that lacks a right in schema pgjobs."""
    mended = "where it is a member of it, run pgjobs migrate, which puts its rights back"
    if group := GROUPS.get(_command[-1] if _command else ""):
        return f"grant {group} to the role of PGJOBS_DATABASE_URL; {mended}"
    works = {group: ", ".join(one for one in GROUPS if GROUPS[one] == group) for group in GROUPS.values()}
    which = ", ".join(f"{group} ({commands})" for group, commands in works.items())
    return f"grant the role of PGJOBS_DATABASE_URL the one for its work: {which}; {mended}"


def _missing_right(error: BaseException) -> str:
    found = re.search(r"permission denied for (\w+) (\S+)", str(error))
    if not found or found[1] not in RIGHTS:
        return BY_SQLSTATE["42501"]
    kind, name = found.groups()
    right = f"{RIGHTS[kind]} {name}"
    if kind == "function" or name == "pgjobs" or name in READ_BY_COMMANDS:
        return membership()
    # Everything else is read and written by functions, with the rights of their owner.
    return f"grant the owner of schema pgjobs, which is pgjobs_owner or the role that ran migrate: {right}"
