"""What an error means for a job: a wait, told in a true sentence, or its end; pure, no I/O.

Waiting mends what a server does by itself: it is away, read-only, a standby, short of something, or breaks a statement
off. It does not mend what a person has to change.
"""

from __future__ import annotations

import re

import psycopg

from pgjobs.errors import ConfigurationError, Interrupted, LogError, PgjobsError, refusal
from pgjobs.pg.hints import hint_for
from pgjobs.pg.sqlstates import hidden_rows, passes_by_itself

WORDS = {
    "25006": "the database is read-only, or a standby",
    "25P03": "the database ended a session that was idle in a transaction",
    "25P04": "the database ended a transaction that took too long",
    "57014": "the database broke a statement off",
    "55P03": "something in the database is locked by somebody else",
    "40": "the database rolled back what collided with somebody else",
    "53": "the database is short of a resource",
    "58": "the server of the database has a trouble of its own",
    "72": "a snapshot of the database became too old",
    "57": "the database went away",
    "08": "the database went away",
}
"""What passes by itself, in words, by SQLSTATE or its class."""


SYNTAX = "42601"
"""Of statements only selectors write, which are told apart by fail_job()."""


def refuses(error: psycopg.Error) -> bool:
    """Whether the database said no to the statement itself: the connection is fine, and asking again is no use."""
    return error.sqlstate is not None and not passes_by_itself(error)


def broken_for_good(error: Exception) -> tuple[str, str] | None:
    """(code, sentence) when waiting would not mend it."""
    if isinstance(error, ConfigurationError | LogError):
        return error.code, error.sentence
    if isinstance(error, psycopg.Error):
        refused = refusal(error)
        if refused is not None:
            return refused[1], f"{refused[0]} ({refused[2]})"
        if refuses(error):
            return (
                "syntax" if error.sqlstate == SYNTAX else "selection",
                f"the database refuses: {hidden_rows(error) or error.diag.message_primary}{_grant(error)}",
            )
    return None


def _grant(error: psycopg.Error) -> str:
    """In brackets, the right that a selector lacks; empty where it is something else."""
    found = re.search(
        r"permission denied for (table|view|materialized view|schema) (\S+)", error.diag.message_primary or ""
    )
    if error.sqlstate != "42501" or not found:
        return ""
    right = f"usage on schema {found[2]}" if found[1] == "schema" else f"select on {found[2]}"
    return f" (grant {right} to the owner of schema pgjobs, which is pgjobs_owner or the role that ran migrate)"


def unknown(error: Exception) -> bool:
    """Whether it is of a kind that nobody expected: a fault of ours, which may come back with every run."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate is None and not passes_by_itself(error)
    return not isinstance(error, ConfigurationError | LogError | Interrupted | OSError)


def words(error: Exception) -> str:
    """In a sentence, what the job waits for."""
    if isinstance(error, Interrupted):
        return error.sentence
    if unknown(error):
        return f"internal error: {type(error).__name__}: {first_line(error)}"
    if isinstance(error, TimeoutError):
        return "the database did not answer in time"
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or "08"
        return f"{WORDS.get(state) or WORDS.get(state[:2], 'the database refuses')}: {first_line(error)}"
    away = isinstance(error, ConnectionError)
    return f"{'the database went away' if away else 'the operating system refuses'}: {first_line(error)}"


def first_line(error: Exception) -> str:
    """The first line of what an error says of itself."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def remedy(error: BaseException) -> str:
    """What a person can do about an error."""
    if isinstance(error, PgjobsError):
        return error.hint
    return hint_for(error) if isinstance(error, psycopg.Error | OSError) else PgjobsError.hint
