"""Read the report of a job, and put a file in its place: whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from pgjobs.errors import PgjobsError, one_line
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def read(settings: Settings, job: int) -> str:
    """The report of a job as the JSON of pgjobs.job_report()."""
    async with await db.connect(settings.database_url, "report") as connection:
        await db.check_schema(connection)
        return str(await db.value(connection, "select pgjobs.job_report(%s)::text", job))


def write(path: Path, text: str) -> None:
    """Put a file there, in place of one that is there, so that nobody ever reads half of it; a pipe is written to."""
    try:
        _put(path, text)
    except OSError as error:
        what = error.strerror or one_line(error)
        raise PgjobsError(f"{path}: {what}", "give a file in a directory that is there and has room") from error


def _put(path: Path, text: str) -> None:
    # A link stays one.
    there = path.resolve()
    try:
        mode = there.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG | 0o666 & ~_umask()
    if not stat.S_ISREG(mode):
        path.write_text(text, encoding="utf-8")
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=there.parent, prefix=".pgjobs-", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(mode))
            os.fsync(file.fileno())
            Path(file.name).replace(there)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    """What the process takes away from new files; it can only be read by setting it."""
    before = os.umask(0o077)
    os.umask(before)
    return before
