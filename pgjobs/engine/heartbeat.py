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
    """Beats every few seconds."""

    def __init__(self, settings: Settings, metrics: Metrics, daemon_id: UUID, pool: ConnectionPool) -> None:
        self._metrics = metrics
        self._growth = Growth(metrics)
        self._pool = pool
        self._who = (daemon_id, settings.daemon_name, HOST, os.getpid(), pgjobs.__version__)

    async def run(self, works: Callable[[], None]) -> None:
        """Beat until the database does not answer."""
        while True:
            # Another version may have migrated since.
            async with self._pool.control.connection() as control:
                await db.check_schema(control)
            await self.beat()
            works()
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Beat once; what was counted since the last beat is added up in the database."""
        number, growth = self._growth.next()
        call = "select pgjobs.beat(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        state, gauges = self._pool.broker_state(), Jsonb(self._metrics.gauges())
        await self._pool.control.row(call, (*self._who, state, gauges, number, Jsonb(growth)))
        self._growth.taken()
