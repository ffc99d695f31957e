"""Writes the items of jobs that have not begun, in the background, where somebody asked for it (pgjobs.expand_soon).

Every daemon looks, and each job has one writer at a time: whoever meets another one passes the job over. A writer that
is killed leaves nothing behind, and the job is found by the next look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psycopg

from pgjobs.backoff import set_within
from pgjobs.engine import troubles
from pgjobs.engine.control import Control
from pgjobs.errors import one_line, refusal
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
AGAIN_SECONDS = 1.0
"""Seconds until the next look where a job was passed over: its writer may be gone by then."""


class Expansions:
    """One job after the other, on a connection that is held only while there is one."""

    def __init__(self, settings: Settings, control: Control) -> None:
        self._settings = settings
        self._control = control
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: the items of a job are to be written."""
        self._woken.set()

    async def run(self, works: Callable[[], None]) -> None:
        """Write what is to be written, then sleep until there is more."""
        while True:
            self._woken.clear()
            passed: list[int] = []
            while (job := await self._control.value("select pgjobs.next_expansion(%s::bigint[])", passed)) is not None:
                if not await self._expand(job):
                    passed.append(job)
                works()
            works()
            await set_within(self._woken, AGAIN_SECONDS if passed else self._settings.poll_seconds)

    async def _expand(self, job: int) -> bool:
        """Write the items of one job; False where somebody else does it, or has just changed the job."""
        try:
            async with await db.connect(self._settings.database_url, "expand") as connection:
                written = await db.value(connection, "select pgjobs.expand_items(%s, true)", job)
        except psycopg.errors.LockNotAvailable as error:
            logger.info("job %s is passed over: %s", job, one_line(error))
            return False
        except psycopg.Error as error:
            if refusal(error) is None and not troubles.refuses(error):
                raise
            logger.warning("job %s: its items could not be written yet: %s", job, one_line(error))
            await self._control.row("select pgjobs.leave_expansion(%s, %s)", (job, error.diag.message_primary))
            return True
        if written is not None:
            logger.info("job %s: %s items written", job, written)
        return True
