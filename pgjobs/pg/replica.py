"""Whether the server of PGJOBS_REPLICA_URL has the data of the primary, asked before any record is read on it."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import psycopg

from pgjobs.errors import ConfigurationError, Interrupted
from pgjobs.pg import connection as db

REMEDY = "point PGJOBS_REPLICA_URL at a standby of PGJOBS_DATABASE_URL, or unset it"


class Identity(NamedTuple):
    """Which database a connection is connected to."""

    system: int | None
    """The same on a server and its standbys; None where the server does not tell it."""
    database: int
    started: str | None
    """When the server was started; None on a standby."""


async def identity(connection: db.Connection) -> Identity:
    """The identity of the database of a connection."""
    system = None
    # Every role may ask, unless somebody took that right away: the other marks are compared all the same.
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        system = await db.value(connection, "select system_identifier from pg_control_system()")
    call = (
        "select oid::bigint,"
        " case when not pg_is_in_recovery() then extract(epoch from pg_postmaster_start_time())::text end"
        " from pg_database where datname = current_database()"
    )
    (row,) = await (await connection.execute(call)).fetchall()
    return Identity(system, *row)


async def check_replica(primary: db.Connection, replica: db.Connection) -> None:
    """Raise unless the replica is a standby of the primary, or the primary itself; `primary` was opened first.

    ConfigurationError: it is another database. Interrupted: it was a standby and is none any more, as in a failover.
    """
    # The primary is asked last: if it was restarted meanwhile, its connection fails, and the times are not compared.
    other = await identity(replica)
    compare(await identity(primary), other)


def compare(own: Identity, other: Identity) -> None:
    """Raise as check_replica() does; `own` is the primary, and was asked after the replica."""
    known = own.system is not None and other.system is not None
    if own.database != other.database or (known and own.system != other.system):
        raise ConfigurationError(f"PGJOBS_REPLICA_URL is another database than PGJOBS_DATABASE_URL: {REMEDY}", REMEDY)
    if other.started is not None and other.started != own.started:
        raise Interrupted(f"PGJOBS_REPLICA_URL is a copy of the database, but no standby of it: {REMEDY}", REMEDY)
