"""Read the file of an injection job, once, into the lines of the job: one transaction, so all of them or none.

Whoever is cancelled leaves at once: the server rolls back, and a thread that still reads closes the file itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

import psycopg

from pgjobs import failpoints as faults
from pgjobs.errors import NotReady
from pgjobs.injection.lines import FileLines, Limits
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
PARTING_SECONDS = 1.0
"""So long a server may take to answer that a broken off copy is over, before its connection is cut."""


async def load(settings: Settings, job_id: int, file_name: str) -> None:
    """Copy the lines of a file of the injections directory into the job, unless it has them already."""
    limits = Limits(
        settings.injection_max_bytes,
        settings.injection_max_lines,
        settings.injection_max_ratio,
        settings.injection_settle_seconds,
    )
    connection = await db.connect(settings.database_url, "load", autocommit=False, patience=5 * settings.stall_seconds)
    async with connection, connection.transaction():
        try:
            copy_lines = await db.value(connection, "select pgjobs.open_lines(%s)", job_id)
        except psycopg.errors.LockNotAvailable as error:
            raise NotReady(f"file_name: {file_name!r} is being read by another daemon") from error
        if copy_lines:
            with contextlib.closing(FileLines(settings.injections_dir, file_name, limits, job_id)) as lines:
                await _copy(connection, copy_lines, lines)
            if not lines.ended:
                logger.warning("job %s: the last line of file_name %r has no line end", job_id, file_name)
            await connection.execute("select pgjobs.close_lines(%s, %s)", (job_id, not lines.ended))
    faults.reach("after_load")


async def _copy(connection: db.Connection, copy_lines: str, lines: FileLines) -> None:
    async with connection.cursor().copy(copy_lines) as copy:
        try:
            while batch := await asyncio.to_thread(lines.batch):
                await copy.write(batch)
        except asyncio.CancelledError:
            connection.patience = PARTING_SECONDS
            raise
