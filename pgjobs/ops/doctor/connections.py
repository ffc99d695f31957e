"""Whether the server allows as many connections as the daemons that run may open."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor.finding import Finding, ok, problem, warning
from pgjobs.pg import connection as db

REMEDY = (
    "raise max_connections or the limit of the role or database, or run fewer daemons or a smaller PGJOBS_MAX_RUNNING"
)
SPARE = 0.8
"""The web process, the CMS and people need some as well."""


async def findings(connection: db.Connection) -> AsyncIterator[Finding]:
    """Compare what the living daemons may need with what is allowed."""
    allowed = await db.value(
        connection,
        "select least(current_setting('max_connections')::integer"
        " - current_setting('superuser_reserved_connections')::integer"
        " - coalesce(current_setting('reserved_connections', true), '0')::integer,"
        " (select nullif(d.datconnlimit, -1) from pg_catalog.pg_database d where d.datname = current_database()),"
        " (select nullif(r.rolconnlimit, -1) from pg_catalog.pg_roles r where r.rolname = current_user))",
    )
    needed = await db.value(
        connection,
        "select sum(pgjobs.measured(w.metrics, 'connections_limit'))::integer from pgjobs.daemons w"
        " where w.seen_at > clock_timestamp() - interval '30 seconds'",
    )
    if needed is None:
        return
    words = f"the daemons may open {needed} of {allowed} connections"
    if needed > allowed:
        yield problem("connections", words, REMEDY)
    elif needed > SPARE * allowed:
        yield warning("connections", f"{words}, and others need some as well", REMEDY)
    else:
        yield ok("connections", words)
