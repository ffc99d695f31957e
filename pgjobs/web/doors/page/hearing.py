"""Hearing what is notified for a moment, which may be cut short: by somebody who comes and wants to be told."""

from __future__ import annotations

import asyncio

from pgjobs.pg import connection as db
from pgjobs.pg.channel import job_of, payloads


class Hearing:
    """One listener, which hears for a moment again and again."""

    def __init__(self) -> None:
        self._timeout: asyncio.Timeout | None = None

    async def jobs(self, connection: db.Connection, seconds: float) -> set[int | None]:
        """Which jobs are notified within so many seconds; None: one that cannot be read."""
        heard: set[int | None] = set()
        try:
            async with asyncio.timeout(seconds) as self._timeout:
                async for payload, _ in payloads(connection, seconds):
                    heard.add(job_of(payload))
        except TimeoutError:
            pass  # It is over.
        finally:
            self._timeout = None
        return heard

    def end_within(self, seconds: float) -> None:
        """Have the present moment end in so many seconds, unless it ends before."""
        if self._timeout is not None and not self._timeout.expired():
            ends = asyncio.get_running_loop().time() + seconds
            self._timeout.reschedule(min(ends, self._timeout.when() or ends))
