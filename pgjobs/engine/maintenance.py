"""The chores of a database, done by one elected daemon, on a connection of their own: a slow one delays no heartbeat.

What is done, and how much at a time, the functions of the database decide. Log files are removed by the daemons of the
host that has them, elected or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

import psycopg

from pgjobs.backoff import set_within
from pgjobs.errors import one_line
from pgjobs.joblog.removal import remove_logs
from pgjobs.pg import connection as db
from pgjobs.pg.hints import hint_for
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
CHORES_SECONDS = 5.0
BUSY_SECONDS = 0.5
"""Seconds between two batches while there is more to be cleared."""
ELECTED_SECONDS = 30.0
"""Seconds after which another daemon is elected when the elected one has fallen silent."""
BATCHES = ("select pgjobs.close_cancelled()", "select pgjobs.clear_history()", "select pgjobs.clear_beyond_last()")
"""Chores of many batches: true says that there is more of it."""
RECOUNT_SECONDS = 86400.0
LOGS_SECONDS = 60.0


class Maintenance:
    """Asks every few seconds whether this daemon is the elected one, and does the chores if it is."""

    def __init__(self, settings: Settings, daemon: UUID) -> None:
        self._settings = settings
        self._daemon = daemon
        self.elected = False
        self._woken = asyncio.Event()
        self._logs_at = 0.0
        self._failing: dict[str, str] = {}
        """Why chores fail, by their calls: it is told once, and again where the reason is another one."""
        self._chores: tuple[tuple[str, tuple[object, ...]], ...] = (
            ("select pgjobs.sweep()", ()),
            ("select pgjobs.tend_tasks()", ()),
            ("select pgjobs.settle_items()", ()),
            ("select pgjobs.forget_daemons()", ()),
            ("select pgjobs.forget_agents()", ()),
            ("select pgjobs.fold_counts()", ()),
            ("select pgjobs.recount_jobs(make_interval(secs => %s))", (RECOUNT_SECONDS,)),
            (
                "select pgjobs.refresh_gauges(%s, make_interval(secs => %s))",
                (settings.capacity_bytes, settings.gauges_seconds),
            ),
        )

    def wake(self) -> None:
        """Look now: a job was cancelled, and its items are to be closed."""
        self._woken.set()

    async def run(self, works: Callable[[], None]) -> None:
        """Do the chores until the connection is lost; one that fails leaves the other ones alone."""
        url, patience = self._settings.database_url, 5 * self._settings.stall_seconds
        election = "select pgjobs.elect(%s, make_interval(secs => %s))"
        async with await db.connect(url, "chores", patience=patience) as control:
            while True:
                more = False
                self._woken.clear()
                self.elected = bool(await db.value(control, election, self._daemon, ELECTED_SECONDS))
                if self.elected:
                    for call, arguments in self._chores:
                        await self._try(control, call, *arguments)
                    more = any([await self._try(control, call) is True for call in BATCHES])
                elif self._failing:
                    logger.info("another daemon does the chores now, those that failed here as well")
                    self._failing.clear()
                await self._remove_logs(control)
                works()
                await set_within(self._woken, BUSY_SECONDS if more else CHORES_SECONDS)

    async def _try(self, control: db.Connection, call: str, *arguments: object) -> object:
        try:
            answer = await db.value(control, call, *arguments)
        except psycopg.Error as error:
            if control.closed:
                raise
            words = one_line(error)
            if self._failing.get(call) != words:
                logger.warning("a chore fails and is tried again: %s: %s (%s)", call, words, hint_for(error))
            self._failing[call] = words
            return None
        if self._failing.pop(call, None) is not None:
            logger.info("a chore works again: %s", call)
        return answer

    async def _remove_logs(self, control: db.Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._logs_at:
            self._logs_at = now + LOGS_SECONDS
            await remove_logs(control, self._settings.log_host)
