"""Logs of jobs as doors read them: where the files lie, and why they can't be read here.

Only what the checkpoints have committed is shown. The files lie where the daemon wrote them, so they can be read where
PGJOBS_LOG_HOST names the same volume.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pgjobs.joblog.committed import DamagedLog, MissingLog, Part, UnreadableLog
from pgjobs.web.errors import Problem

STATUSES: dict[type[UnreadableLog], int] = {MissingLog: 410, DamagedLog: 409}
"""What does not get better by itself; whatever else keeps a log from being read may (503)."""


class LogFile(NamedTuple):
    """A file of a log, as the database knows it."""

    shard: int
    host: str
    path: str
    bytes: int
    removed: bool


def located(
    number: int, files: Iterable[LogFile], here: str, shard: int | None = None, *, ended: bool = False
) -> list[Part]:
    """The files of the log of a job, or of one shard; refused where they are not to be had on this host.

    `ended`: the job makes no log any more, unless somebody resumes it.
    """
    found = [file for file in files if shard in (None, file.shard)]
    if not found:
        of = f"shard {shard} of job {number}" if shard is not None else f"job {number}"
        if ended:
            hint = f"it ended before its first record; pgjobs why {number} says why"
            raise Problem(404, "no_log", f"{of} has no log", hint)
        hint = f"it is made when the job begins; pgjobs why {number} says what the job waits for"
        raise Problem(404, "no_log", f"{of} has no log yet", hint)
    if any(file.removed for file in found):
        sentence = f"the log of job {number} was removed after its keep time"
        raise Problem(410, "log_removed", sentence, "pgjobs.retention says how long logs are kept; outcomes stay")
    elsewhere = {file.host: file.path for file in found if file.bytes and file.host != here}
    if elsewhere:
        host, path = min(elsewhere.items())
        sentence = f"the log of job {number} lies on host {host[:60]}, and this is {here[:60]}"
        hint = f"ask pgjobs web there, or read {path} there; PGJOBS_LOG_HOST names a volume that hosts share"
        raise Problem(404, "log_elsewhere", sentence, hint)
    return [Part(file.path, file.bytes) for file in found]


def unreadable(error: UnreadableLog) -> Problem:
    """A file of a log that can't be read, as an answer."""
    return Problem(STATUSES.get(type(error), 503), "log_unreadable", error.sentence, error.hint)
