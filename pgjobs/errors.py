"""The errors of pgjobs: one small tree, each with a hint for the operator.

PgjobsError
├── SettingsError          a PGJOBS_… variable is wrong (exit code 2)
├── SchemaError            the database is not migrated, or for versions that this one is none of
├── ConfigurationError     something a job needs is missing: the job ends with `error` at once
│   ├── FileError          … its injection file
│   └── SelectionError     … its selector
├── LogError               a line of a job's log could not be made durable: the job ends with `error`
├── Fenced                 another daemon owns the shard: write nothing more
├── Interrupted            a server went away: the shard is taken up again by itself
│   ├── NotReady           … because what it needs is not complete yet
│   └── Poisoned           … because of one of the messages in flight, which has to be found
└── TaskError              a background task of the daemon keeps failing (exit code 70)

What to do about an error of PostgreSQL stands in `pg/hints.py`: `hint_for(error)`.
"""

from __future__ import annotations

import psycopg

JOBS_ARE_LISTED = '"pgjobs jobs" lists them'
"""What to do about a number that no job has."""
REFUSALS = ("PJ400", "PJ404", "PJ409", "PJ412", "PJ413", "PJ503")


class PgjobsError(Exception):
    """Something went wrong in pgjobs."""

    hint = "look into the daemon's log"

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if hint is not None:
            self.hint = hint


class SettingsError(PgjobsError):
    """A setting cannot be used."""

    hint = "pgjobs/engine/README.md lists every setting with its default"


class SchemaError(PgjobsError):
    """The database has no schema that this version of pgjobs may work with."""

    hint = "run: pgjobs migrate"


class ConfigurationError(PgjobsError):
    """Something a job needs is missing; it ends with `error`, for waiting would not mend it."""

    code = "configuration"
    hint = "mend what the sentence names and resume the job"


class FileError(ConfigurationError):
    """The file of an injection job cannot be read."""

    code = "file"


class SelectionError(ConfigurationError):
    """The selector of a job's type does not keep its contract.

    `late_key`: one that came when greater ones had been handed out already, so that it lies behind the checkpoint.
    """

    code = "selection"
    hint = "mend the selector and resume the job"

    def __init__(self, sentence: str, late_key: int | None = None) -> None:
        super().__init__(sentence)
        self.late_key = late_key


class LogError(PgjobsError):
    """A job's log could not be written; no record goes without its line."""

    code = "log_io"
    hint = "make room or rights for the log directory and resume the job"


class Fenced(PgjobsError):
    """Another owner has taken the shard over."""

    hint = "nothing to do: the present owner goes on"


class Interrupted(PgjobsError):
    """A server was lost in mid-run; what was in flight is uncertain and will be sent again, marked."""

    hint = "nothing to do: the job is taken up again as soon as the server answers"


class NotReady(Interrupted):
    """What a job needs is there and not complete yet; it is asked for again by itself."""

    hint = "nothing to do: the job goes on by itself as soon as it is complete"


class Poisoned(Interrupted):
    """The broker closed the channel because of a message; which one is found in ever smaller windows."""

    hint = "nothing to do: the message is found, noted as returned, and the others go out"


class TaskError(PgjobsError):
    """A background task of the daemon fails again and again, and not because a server is away."""

    hint = "look into the daemon's log for the traceback, and report it; starting the daemon again is safe"


def one_line(error: BaseException) -> str:
    """What an error says, in one line: PostgreSQL and libpq use several; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def refusal(error: psycopg.Error) -> tuple[str, str, str] | None:
    """(sentence, machine code, hint) of an error the database raised on purpose, else None."""
    if error.sqlstate not in REFUSALS:
        return None
    diag = error.diag
    return diag.message_primary or "", diag.constraint_name or "refused", diag.message_hint or ""
