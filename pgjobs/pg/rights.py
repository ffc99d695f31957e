"""Whether the role that logged in may do the work of a process, asked before it begins."""

from __future__ import annotations

from typing import Any

from psycopg import errors

from pgjobs.errors import PgjobsError
from pgjobs.pg.connection import Connection, value

DAEMON, WEB = "pgjobs_daemon", "pgjobs_web"
"""The roles whose members may do what sql/access.sql grants them."""


class RightsError(PgjobsError):
    """The role of PGJOBS_DATABASE_URL may not do what this process has to do."""


async def check_rights(connection: Connection, group: str) -> None:
    """Raise RightsError where the role that logged in lacks something of what members of `group` may do."""
    if lacking := await _lacking(connection, group):
        raise without(lacking, connection.info.user, group)


def without(lacking: str, role: str, group: str) -> RightsError:
    """The error for a role that lacks something of what members of `group` may do."""
    return RightsError(
        f"role {role} is no member of {group}, or that role has lost a right: {lacking}",
        f"grant {group} to {role}; where it is a member of it, run pgjobs migrate, which puts its rights back",
    )


async def _lacking(connection: Connection, group: str) -> Any:
    try:
        return await value(connection, "select 'no right to ' || pgjobs.lacking_rights(%s)", group)
    except errors.InsufficientPrivilege as error:
        return error.diag.message_primary
    except (errors.InvalidSchemaName, errors.UndefinedFunction):
        return None  # The schema is missing, or an older one: check_schema() says what to do.
