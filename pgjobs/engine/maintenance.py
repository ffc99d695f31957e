"""The chores of a daemon, on a connection of their own, so that a slow one never delays the heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import psycopg

from pgjobs.errors import hint_for, one_line
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
CHORES_SECONDS = 5.0


class Maintenance:
    """Sweeps and refreshes the business gauges every few seconds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chores: tuple[tuple[str, tuple[object, ...]], ...] = (
            ("select pgjobs.sweep()", ()),
            ("select pgjobs.fold_counts()", ()),
            (
                "select pgjobs.refresh_gauges(%s, make_interval(secs => %s))",
                (settings.capacity_bytes, settings.gauges_seconds),
            ),
        )

    async def run(self, works: Callable[[], None]) -> None:
        """Do the chores until the connection is lost; one that fails leaves the other ones alone."""
        url, patience = self._settings.database_url, 5 * self._settings.stall_seconds
        async with await db.connect(url, "chores", patience=patience) as control:
            while True:
                for call, arguments in self._chores:
                    try:
                        await control.execute(call, arguments)
                    except psycopg.Error as error:
                        if control.closed:
                            raise
                        logger.warning("a chore failed: %s: %s (%s)", call, one_line(error), hint_for(error))
                works()
                await asyncio.sleep(CHORES_SECONDS)
