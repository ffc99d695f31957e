"""What an error of the database means for whoever meets it: wait, connect anew, or tell a person what to do."""

from __future__ import annotations

import psycopg

PASSING = (
    "08",  # the connection was lost
    "25006",  # read-only: a standby that has just been one, or a server that is kept quiet for a while
    "25P03",  # idle in transaction for too long
    "25P04",  # the transaction took too long
    "40",  # a deadlock, or rolled back for the sake of another transaction
    "53",  # no memory, no room, no free connection
    "55P03",  # a lock was not to be had in time
    "57",  # cancelled, shut down, starting up
    "58000",  # the operating system's trouble
    "58030",  # the same, of its files
    "72000",  # the snapshot became too old
)
"""SQLSTATEs, or the classes they begin with, of troubles that pass by themselves."""
STALE = ("08", "25006", "25P03", "25P04", "57P")
"""After these the state of a connection is not what it was: drop it and connect anew."""


def passes_by_itself(error: BaseException) -> bool:
    """Whether waiting and trying again is all there is to do. An error without SQLSTATE never reached the server."""
    if not isinstance(error, psycopg.Error):
        return isinstance(error, OSError)
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(PASSING)


def must_reconnect(error: BaseException) -> bool:
    """Whether the connection that met it is to be dropped, not used again, even where it still looks open."""
    if not isinstance(error, psycopg.Error):
        return isinstance(error, OSError)
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(STALE)


def hidden_rows(error: BaseException) -> str | None:
    """A sentence with its remedy where row level security would have hidden rows from us, else None."""
    # By the place in the server's source, for its words come in any language.
    if not isinstance(error, psycopg.Error) or error.diag.source_function != "check_enable_rls":
        return None
    return (
        f"row level security would hide rows ({error.diag.message_primary}); "
        "give the role that pgjobs connects as the attribute BYPASSRLS, or take FORCE ROW LEVEL SECURITY off the table"
    )
