"""Errors of the database as answers: whose fault it is decides the status, and the sentence says what to do."""

from __future__ import annotations

import logging

import psycopg

from pgjobs.errors import hint_for, one_line, refusal
from pgjobs.pg import connection as db
from pgjobs.web.errors import Problem

logger = logging.getLogger(__name__)
BUSY = ("55P03", "57014", "40", "53")
"""Lock and statement timeouts, deadlocks, serialization, no memory or room: the server is there and did nothing."""
OF_TRIGGERS = ("P0001", "22", "23", "27", "44")
"""What a trigger, CHECK or rule that somebody added to our tables refuses a change with."""
UNKNOWN_LETTERS = ("22021", "22P05")


class Unanswered(Problem):
    """The database is away, was lost in mid-call or is too busy; asking it again may help."""

    def __init__(self, code: str, sentence: str, hint: str) -> None:
        super().__init__(503, code, sentence, hint)


def in_doubt(error: psycopg.Error) -> bool:
    """Whether connections are to be opened anew: state, schema or rights are not what they were."""
    return db.must_reconnect(error) or (error.sqlstate or "XX").startswith(("42", "3F", "XX", "0A"))


def problem_of(error: psycopg.Error, *, reading: bool) -> Problem:
    """What the caller is told about an error of the database."""
    return _meant_for_the_caller(error, error.sqlstate or "", reading=reading) or _failure(error, error.sqlstate or "")


def _meant_for_the_caller(error: psycopg.Error, state: str, *, reading: bool) -> Problem | None:
    """What was raised on purpose, or is wrong with what the caller has sent."""
    refused = refusal(error)
    if refused is not None:
        sentence, code, hint = refused
        return Problem(int(state[2:]), code, sentence, hint)
    if state.startswith(UNKNOWN_LETTERS):
        return Problem(400, "bad_text", "a parameter has letters that the database does not know", "leave them out")
    if not reading and _on_purpose(state):
        sentence = error.diag.message_primary or one_line(error)
        hint = error.diag.message_hint or "a trigger or constraint added to the tables refuses this: ask its owner"
        return Problem(409, "refused_by_database", sentence, hint)
    return None


def _failure(error: psycopg.Error, state: str) -> Problem:
    """What is wrong with the database, or with us."""
    logger.error("a call failed with %s: %s", state or type(error).__name__, one_line(error))
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return Unanswered("read_only", "the database is read-only at present", hint_for(error))
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        sentence = f"the role of pgjobs web lacks a right: {error.diag.message_primary}"
        return Problem(503, "missing_right", sentence, hint_for(error))
    if state.startswith(BUSY):
        return busy()
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return lost()
    return Problem(500, "internal", "the service failed with this call", "look into the log of pgjobs web")


def _on_purpose(state: str) -> bool:
    """Whether somebody's own trigger raised it: by one of the usual states, or by one PostgreSQL does not have."""
    if state.startswith(OF_TRIGGERS):
        return True
    try:
        psycopg.errors.lookup(state)
    except KeyError:
        return bool(state)
    return False


def busy() -> Unanswered:
    """The server is there and had no time."""
    return Unanswered("database_busy", "the database is too busy for this call", "nothing was changed: try again")


def lost() -> Unanswered:
    """Nobody knows what became of the call."""
    return Unanswered(
        "database_lost",
        "the database went away in the middle of the call, which may or may not have been done",
        "look at /jobs/status before you repeat it",
    )
