"""A process of pgjobs, from its settings to its exit code."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
import traceback
from collections.abc import Callable

import psycopg

from pgjobs import log
from pgjobs.errors import JOBS_ARE_LISTED, PgjobsError, SettingsError, TaskError, one_line, refusal
from pgjobs.pg.hints import SERVER_AWAY, hint_for
from pgjobs.settings import Settings, read_settings
from pgjobs.words import visible

logger = logging.getLogger(__name__)

BAD_VALUE = "PJ400"
MISSING_RIGHT = "42501"
STDOUT = 1
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IN_THE_CONSOLE = {"unknown_job": JOBS_ARE_LISTED}
"""Remedies by what was refused, where the console has a better one than a table to read."""


def ready_settings(*needed: str) -> Settings:
    """The settings, with the log set up by them; SettingsError if one is wrong or a needed one is missing."""
    settings = read_settings()
    settings.need(*needed)
    log.configure(settings.log_level, settings.log_format)
    return settings


def run(command: Callable[[], object], *, of_a_service: bool) -> None:
    """Run a command; whatever goes wrong is one sentence with its remedy, and an exit code for its kind.

    1: something is missing or refused; 2: a wrong setting or argument, whoever finds it; 70: an error of pgjobs
    itself; 130: Ctrl-C.
    The traceback of an error of pgjobs is logged at level ERROR for a service, at DEBUG for other commands.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that is not UTF-8 gets a question mark for a letter it lacks.
        sys.stdout.reconfigure(errors="replace")
    try:
        _to_its_last_word(command)
    except KeyboardInterrupt:
        sys.exit(130)
    except SettingsError as error:
        sys.exit(_end(2, error.sentence, error.hint))
    except TaskError as error:
        sys.exit(_end(70, error.sentence, error.hint))
    except PgjobsError as error:
        sys.exit(_end(1, error.sentence, error.hint))
    except psycopg.Error as error:
        sys.exit(_end(2 if error.sqlstate == BAD_VALUE else 1, *said_by_database(error)))
    except TimeoutError:
        sys.exit(_end(1, "a server did not answer in time", SERVER_AWAY))
    except OSError as error:
        sys.exit(_end(1, *_of_the_system(error)))
    except Exception as error:
        logger.log(logging.ERROR if of_a_service else logging.DEBUG, "an error of pgjobs itself", exc_info=error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f"internal error: {type(error).__name__}: {one_line(error)} ({place.name}, line {place.lineno})"
        sys.exit(_end(70, sentence, "please report it; PGJOBS_LOG_LEVEL=DEBUG shows the traceback"))


def _to_its_last_word(command: Callable[[], object]) -> None:
    """Run it, and write what is still in the buffer: what can't be written is no success."""
    try:
        command()
    except SystemExit:
        sys.stdout.flush()
        raise
    sys.stdout.flush()


def _of_the_system(error: OSError) -> tuple[str, str]:
    """What the operating system refuses, and what to do about it."""
    try:
        sys.stdout.flush()
        if error.errno in NO_ROOM and error.filename is None:
            # Nothing tells of which file it is but one more byte.
            os.write(STDOUT, b"\n")
    except OSError as unwritten:
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        if isinstance(unwritten, BrokenPipeError):
            sys.exit(1)
        return f"standard output: {unwritten.strerror}", "make room where it goes, or send it elsewhere"
    return f"the operating system refuses: {one_line(error)}", "mend what it names, then try again"


def said_by_database(error: psycopg.Error) -> tuple[str, str]:
    """What an error of the database says, and what to do about it."""
    refused = refusal(error)
    if refused is None:
        # Of a missing right the place in a statement of ours tells nobody anything.
        said = error.diag.message_primary if error.sqlstate == MISSING_RIGHT else None
        return f"PostgreSQL: {said or one_line(error)}", hint_for(error)
    sentence, code, hint = refused
    return sentence, IN_THE_CONSOLE.get(code, hint)


def complain(sentence: str, hint: str) -> None:
    """Say what was refused: as an event if the log is in JSON, otherwise for people."""
    sentence, hint = log.redact(sentence), log.redact(hint)
    if log.in_json():
        logger.critical("%s (%s)", sentence, hint)
    else:
        sys.stderr.write(f"pgjobs: {visible(sentence)}\n  {visible(hint)}\n")


def _end(code: int, sentence: str, hint: str) -> int:
    complain(sentence, hint)
    return code
