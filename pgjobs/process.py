"""A process of pgjobs, from its settings to its exit code."""

from __future__ import annotations

import io
import logging
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
        command()
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
        sys.exit(_end(1, f"the operating system refuses: {one_line(error)}", "mend what it names, then try again"))
    except Exception as error:
        logger.log(logging.ERROR if of_a_service else logging.DEBUG, "an error of pgjobs itself", exc_info=error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f"internal error: {type(error).__name__}: {one_line(error)} ({place.name}, line {place.lineno})"
        sys.exit(_end(70, sentence, "please report it; PGJOBS_LOG_LEVEL=DEBUG shows the traceback"))


def said_by_database(error: psycopg.Error) -> tuple[str, str]:
    """What an error of the database says, and what to do about it."""
    refused = refusal(error)
    if refused is None:
        return f"PostgreSQL: {one_line(error)}", hint_for(error)
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
