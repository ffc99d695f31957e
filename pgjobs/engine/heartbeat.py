"""The heartbeat of a daemon: that it lives, what it measures, and the small chores of the house."""

from __future__ import annotations

import asyncio
import logging
import os
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

import pgjobs
from pgjobs import db
from pgjobs.backoff import Backoff
from pgjobs.engine.joblog import HOST
from pgjobs.engine.lanes import Lanes
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
BEAT_SECONDS = 5.0


class Heartbeat:
    """Beats every few seconds on a connection of its own."""

    def __init__(self, settings: Settings, metrics: Metrics, worker: UUID, lanes: Lanes) -> None:
        self._settings = settings
        self._metrics = metrics
        self._lanes = lanes
        self._who = (worker, settings.daemon_name, HOST, os.getpid(), pgjobs.__version__)

    async def run(self) -> None:
        """Beat for ever."""
        backoff = Backoff()
        while True:
            try:
                url, patience = self._settings.database_url, self._settings.stall_seconds
                async with await db.connect(url, "beat", patience=patience) as control:
                    while True:
                        await self._beat(control)
                        backoff.reset()
                        await asyncio.sleep(BEAT_SECONDS)
            except (psycopg.Error, OSError) as error:
                logger.warning("the heartbeat waits for the database: %s", str(error).strip())
            await backoff.pause()

    async def _beat(self, control: db.Connection) -> None:
        call = "select pgjobs.beat(%s, %s, %s, %s, %s, %s, %s)"
        await control.execute(call, (*self._who, self._lanes.broker_state(), Jsonb(self._metrics.samples())))
        try:
            await control.execute("select pgjobs.sweep()")
            call = "select pgjobs.refresh_gauges(%s, make_interval(secs => %s))"
            await control.execute(call, (self._settings.capacity_bytes, self._settings.gauges_seconds))
        except psycopg.Error as error:
            if control.closed:
                raise
            logger.warning("a chore failed: %s", str(error).strip())
