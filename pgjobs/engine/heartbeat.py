"""The heartbeat of a daemon: that it lives, and the few numbers that doctor, pages and pgjobs.alerts need of it.

All it measures is at its metrics listener. What is told here as well is what somebody asks the database for: how many
shards it runs and connections it may open, whether it listens, what the broker has refused lately.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from uuid import UUID

from psycopg.types.json import Jsonb

import pgjobs
from pgjobs.engine.connections import ConnectionPool
from pgjobs.engine.recent import Recent
from pgjobs.engine.volume import LogVolume
from pgjobs.joblog.rules import HOST
from pgjobs.metrics import MOST_BEGUN, Metrics, value
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

BEAT_SECONDS = 5.0
VOLUME_SECONDS = 0.5


class Heartbeat:
    """Beats every few seconds; `address` says where the metrics are."""

    def __init__(
        self, settings: Settings, metrics: Metrics, daemon_id: UUID, pool: ConnectionPool, address: Callable[[], str]
    ) -> None:
        self._metrics = metrics
        self._recent = Recent(metrics)
        self._volume = LogVolume(settings.log_dir, metrics)
        self._pool = pool
        self._address = address
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
        """Beat once."""
        metrics = self._metrics
        await self._volume.measure(VOLUME_SECONDS)
        numbers = {
            "running_shards": value(metrics.running_shards),
            "connections_limit": value(metrics.connections_limit),
            "listening": value(metrics.listening),
            "listen_down_seconds": metrics.listen_down_seconds,
            "nacked": value(metrics.nacked),
            "last_nack": value(metrics.last_nack),
            "log_volume_size": value(metrics.log_volume_size),
            "log_volume_free": value(metrics.log_volume_free),
            "snapshot_age": value(metrics.snapshot_age),
            **self._recent.look(time.monotonic()),
        }
        call = "select pgjobs.snapshot_age(), pgjobs.beat(%s, %s, %s, %s, %s, %s, %s, %s), pgjobs.first_types(%s)"
        row = await self._pool.control.row(
            call, (*self._who, self._pool.broker_state(), Jsonb(numbers), self._address(), MOST_BEGUN)
        )
        metrics.snapshot_age.set(row[0] if row else 0)
        # With the heartbeat that tells where the metrics are: whoever finds them finds these series.
        metrics.begin_counts(row[2] if row else ())
        metrics.last_beat.set_to_current_time()
