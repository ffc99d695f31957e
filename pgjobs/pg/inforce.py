"""What is in force in a database, asked by migrate: by whatever version it was made, or by none yet."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

import pgjobs
from pgjobs.pg.versions import number

ALIVE = (
    "select name, version from pgjobs.daemons where seen_at > clock_timestamp() - interval '30 seconds' order by name"
)

Connection = psycopg.Connection[Any]


def state(connection: Connection, column: str) -> str | None:
    """A column of schema_state that an earlier version may not have, or null."""
    columns = "select from pg_attribute where attrelid = to_regclass('pgjobs.schema_state') and attname = %s"
    if not connection.execute(columns, (column,)).fetchall():
        return None
    asking = sql.SQL("select {}::text from pgjobs.schema_state").format(sql.Identifier(column))
    found = connection.execute(asking).fetchone()
    return found[0] if found else None


def changed_by_hand(connection: Connection) -> list[str]:
    """Functions that are not what they were when they were applied."""
    if not connection.execute("select from pg_proc where oid = to_regproc('pgjobs.changed_functions')").fetchall():
        return []
    return [name for (name,) in connection.execute("select signature from pgjobs.changed_functions()").fetchall()]


def stranded(connection: Connection) -> list[str]:
    """Daemons that are alive and could not work with the functions of this version, each with its own version."""
    if not connection.execute("select from pg_class where oid = to_regclass('pgjobs.daemons')").fetchall():
        return []
    alive = connection.execute(ALIVE).fetchall()
    return [f"{name} ({version})" for name, version in alive if number(version) < number(pgjobs.COMPATIBLE_FROM)]
