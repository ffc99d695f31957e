"""The heartbeat of a daemon: that it lives, and what it measures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from uuid import UUID

from psycopg.types.json import Jsonb

import pgjobs
from pgjobs.engine.connections import ConnectionPool
from pgjobs.joblog.rules import HOST
from pgjobs.metrics import Growth, Metrics
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

BEAT_SECONDS = 5.0


class Heartbeat:
    """Beats every few seconds on a connection of its own."""

    def __init__(self, settings: Settings, metrics: Metrics, worker: UUID, pool: ConnectionPool) -> None:
        self._settings = settings
        self._metrics = metrics
        self._growth = Growth(metrics)
        self._pool = pool
        self._who = (worker, settings.daemon_name, HOST, os.getpid(), pgjobs.__version__)

    async def run(self, works: Callable[[], None]) -> None:
        """Beat until the connection is lost."""
        url, patience = self._settings.database_url, self._settings.stall_seconds
        async with await db.connect(url, "beat", patience=patience) as control:
            while True:
                await self.beat(control)
                works()
                await asyncio.sleep(BEAT_SECONDS)

    async def beat(self, control: db.Connection) -> None:
        """Beat once; what was counted since the last beat is added up in the database."""
        number, growth = self._growth.next()
        call = "select pgjobs.beat(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        state, gauges = self._pool.broker_state(), Jsonb(self._metrics.gauges())
        await control.execute(call, (*self._who, state, gauges, number, Jsonb(growth)))
        self._growth.taken()
