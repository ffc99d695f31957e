"""Errors of the database as Problems: the status says whose error it is, the sentence and the hint what to do."""

from __future__ import annotations

import logging

import psycopg

from pgjobs.errors import one_line, refusal
from pgjobs.pg import connection as db
from pgjobs.pg.hints import hint_for, membership
from pgjobs.web.errors import LATER, Problem

logger = logging.getLogger(__name__)
BUSY = ("55P03", "57014", "40", "53")
"""Lock and statement timeouts, deadlocks, serialization, no memory or disk: the server has undone the statement."""
OF_TRIGGERS = ("P0001", "22", "23", "27", "44")
"""With these a trigger, CHECK or rule that somebody has added to the tables refuses a change."""
UNKNOWN_LETTERS = ("22021", "22P05")


class Unanswered(Problem):
    """The database is away, was lost during a query or is too busy; the same request may succeed later."""

    def __init__(self, code: str, sentence: str, hint: str) -> None:
        super().__init__(503, code, sentence, hint)


def in_doubt(error: psycopg.Error) -> bool:
    """Whether connections have to be opened anew, because the server, its schema or the rights may have changed."""
    return db.must_reconnect(error) or (error.sqlstate or "XX").startswith(("42", "3F", "XX", "0A"))


def problem_of(error: psycopg.Error, *, reading: bool) -> Problem:
    """The answer to a request during which the database reported an error."""
    return _caused_by_the_caller(error, error.sqlstate or "", reading=reading) or _failure(error, error.sqlstate or "")


def _caused_by_the_caller(error: psycopg.Error, state: str, *, reading: bool) -> Problem | None:
    """A refusal, or something wrong with what the caller has sent."""
    refused = refusal(error)
    if refused is not None:
        sentence, code, hint = refused
        return Problem(int(state[2:]), code, sentence, hint, field=error.diag.column_name)
    if state.startswith(UNKNOWN_LETTERS):
        return Problem(400, "bad_text", "a parameter has letters that the database does not know", "leave them out")
    if not reading and _on_purpose(state):
        sentence = error.diag.message_primary or one_line(error)
        hint = error.diag.message_hint or "a trigger or constraint added to the tables refuses this: ask its owner"
        return Problem(409, "refused_by_database", sentence, hint)
    return None


def _failure(error: psycopg.Error, state: str) -> Problem:
    """A failure of the database or of this service."""
    logger.error("a call failed with %s: %s", state or type(error).__name__, one_line(error))
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return Unanswered("read_only", "the database is read-only at present", hint_for(error))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return missing_right(error.diag.message_primary or one_line(error), hint_for(error))
    if state.startswith(BUSY):
        return busy()
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return lost()
    return Problem(500, "internal", "the service failed with this call", "look into the log of pgjobs web")


def _on_purpose(state: str) -> bool:
    """Whether a trigger of somebody else's raised it: a usual state, or one that PostgreSQL itself does not have."""
    if state.startswith(OF_TRIGGERS):
        return True
    try:
        psycopg.errors.lookup(state)
    except KeyError:
        return bool(state)
    return False


def missing_right(what: str, hint: str | None = None) -> Problem:
    """The role that this process logs in with may not do something."""
    return Problem(503, "missing_right", f"the role of pgjobs web lacks a right: {what}", hint or membership(), LATER)


def busy() -> Unanswered:
    """The server is there and has not done the query in time."""
    return Unanswered("database_busy", "the database is too busy for this call", "nothing was changed: try again")


def lost() -> Unanswered:
    """The connection was lost: nobody knows whether the query was done."""
    return Unanswered(
        "database_lost",
        "the database went away in the middle of the call, which may or may not have been done",
        "look at /jobs/status before you repeat it",
    )
