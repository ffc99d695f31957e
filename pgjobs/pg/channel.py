"""The channel on which the triggers announce what has changed, and how to listen on it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncGenerator

from pgjobs.pg import connection as db

CHANNEL = "pgjobs"
JOB = re.compile(r'"id"\s*:\s*([0-9]{1,18})\s*[,}]')
MOST_LETTERS = 200


def job_of(payload: str) -> int | None:
    """The job that a notification is about; None: none that can be read.

    Anybody who may connect may send one, so it is not parsed but matched, and only where it is short.
    """
    found = JOB.search(payload) if len(payload) <= MOST_LETTERS else None
    return None if found is None else int(found[1])


async def payloads(connection: db.Connection, seconds: float) -> AsyncGenerator[tuple[str, int], None]:
    """What arrives within so many seconds, and from which server process.

    An empty text stands for what cannot be decoded (a database in SQL_ASCII).
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            async with contextlib.aclosing(connection.notifies(timeout=left)) as notifications:
                async for notification in notifications:
                    yield notification.payload, notification.pid
        except UnicodeDecodeError:
            yield "", 0
