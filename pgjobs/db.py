"""Connections to PostgreSQL, all made here: UTC, named, with limits that keep a lost peer from hanging us."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import TupleRow

from pgjobs import migrate
from pgjobs.errors import SchemaError

Connection = psycopg.AsyncConnection[TupleRow]

KEEPALIVE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}


async def connect(url: str, role: str, *, autocommit: bool = True, **options: str) -> Connection:
    """Open a connection that says what it is for (`role`); `options` are server settings of its session."""
    settings = {"timezone": "UTC", "lock_timeout": "5s", "client_min_messages": "warning"} | options
    connection = await psycopg.AsyncConnection.connect(
        url,
        autocommit=autocommit,
        application_name=f"pgjobs {role}",
        prepare_threshold=None,
        **KEEPALIVE,
    )
    try:
        for name, value in settings.items():
            await connection.execute("select set_config(%s, %s, false)", (name, value))
        if not autocommit:
            await connection.commit()
    except BaseException:
        await connection.close()
        raise
    return connection


async def value(connection: Connection, call: str, *args: object) -> Any:
    """The single value a function call answers with, or None where it answers with no row."""
    cursor = await connection.execute(call, args)
    row = await cursor.fetchone()
    return row[0] if row else None


async def check_schema(connection: Connection) -> None:
    """Refuse to work on a database whose functions are not those of this version."""
    known = await value(connection, "select to_regclass('pgjobs.schema_state') is not null")
    found = (await value(connection, "select fingerprint from pgjobs.schema_state")) if known else None
    if found != migrate.fingerprint():
        state = "has no pgjobs schema" if found is None else "was migrated by another version of pgjobs"
        raise SchemaError(f"the database {state}")
