"""The connections that the runs of shards use; a pool keeps them open, so that a job starts without a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg

from pgjobs.engine import troubles
from pgjobs.engine.broker.publisher import Publisher
from pgjobs.errors import Interrupted, PgjobsError
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.pg.replica import check_replica
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
ASK_SECONDS = 2.0
"""Seconds that the database has to answer on a connection of an earlier run."""
RECONNECT_INTERVAL = 2.0
"""Minimum seconds between connection attempts to an unreachable broker, for the whole daemon."""
IDLE = psycopg.pq.TransactionStatus.IDLE


@dataclass
class ShardConnections:
    """What one run uses: two connections to PostgreSQL and, if it publishes, one to RabbitMQ."""

    control: db.Connection
    reader: db.Connection
    publisher: Publisher | None = None

    @property
    def usable(self) -> bool:
        """Whether another run can use the connections to PostgreSQL as they are."""
        return not self.control.closed and not self.reader.closed and self.reader.info.transaction_status == IDLE


class ConnectionPool:
    """Opens the connections of runs and keeps them for later runs."""

    def __init__(self, settings: Settings, metrics: Metrics, worker: UUID) -> None:
        self._settings = settings
        self._metrics = metrics
        self._name = f"pgjobs {settings.daemon_name} {worker}"
        self._idle: list[ShardConnections] = []
        self._publishers: set[Publisher] = set()
        self._trouble = ""
        self._connecting = asyncio.Lock()
        self._retry_at = 0.0
        # Computed whenever they are read, so that they are true after a connection was lost as well.
        metrics.broker_connected.set_function(lambda: any(each.usable for each in self._publishers))
        metrics.broker_blocked.set_function(lambda: any(each.blocked for each in self._publishers))

    async def take(self, *, publishing: bool) -> ShardConnections:
        """Connections for one run; the publisher is usable or None if the run publishes."""
        connections = await self._take_idle() or await self._open()
        if publishing and (connections.publisher is None or not connections.publisher.usable):
            self.drop(connections.publisher)
            connections.publisher = None
        return connections

    async def _take_idle(self) -> ShardConnections | None:
        """Connections of an earlier run on which the database still answers; the ones that do not are closed."""
        while self._idle:
            connections = self._idle.pop()
            if connections.usable:
                both = (connections.control, connections.reader)
                if all(await asyncio.gather(*(each.answers(ASK_SECONDS) for each in both))):
                    return connections
            await self.give_back(connections, healthy=False)
        return None

    async def publisher(self) -> Publisher:
        """A new publisher; Interrupted if the broker can't be reached, or could not within RECONNECT_INTERVAL."""
        settings = self._settings
        async with self._connecting:
            if time.monotonic() < self._retry_at:
                raise Interrupted(self._trouble)
            try:
                publisher = await Publisher.connect(
                    settings.amqp_url, self._name, self._metrics, settings.stall_seconds
                )
            except Interrupted as error:
                self._retry_at = time.monotonic() + RECONNECT_INTERVAL
                self._trouble = error.sentence
                raise
        self._trouble = ""
        self._publishers.add(publisher)
        return publisher

    async def give_back(self, connections: ShardConnections, *, healthy: bool) -> None:
        """Keep the connections for a later run, or close them if they can't be used again."""
        if healthy and connections.usable:
            self._idle.append(connections)
            return
        self.drop(connections.publisher)
        for connection in (connections.control, connections.reader):
            await connection.close()

    async def warm(self) -> None:
        """Open connections before the first job needs them; if the broker is away, that job connects to it later."""
        with contextlib.suppress(psycopg.Error, OSError):
            try:
                connections = await self._open()
            except PgjobsError as error:
                logger.warning("%s", error.sentence)
                return
            try:
                connections.publisher = await self.publisher()
            except Interrupted as error:
                logger.warning("%s", error.sentence)
            self._idle.append(connections)

    async def probe(self, works: Callable[[], None]) -> None:
        """Try to reach a broker that is away: while another daemon reaches it, no shard is taken that would try."""
        while True:
            works()
            await asyncio.sleep(RECONNECT_INTERVAL)
            if self._trouble:
                with contextlib.suppress(PgjobsError):
                    self.drop(await self.publisher())
                    logger.info("the broker is back")

    def broker_state(self) -> str:
        """The state of the broker in words, for the heartbeat."""
        for publisher in self._publishers:
            if publisher.blocked:
                return f"blocked: {publisher.blocked_reason}"
        return self._trouble or ("connected" if any(p.usable for p in self._publishers) else "idle")

    async def close(self) -> None:
        """Close everything that is idle, and every publisher."""
        for connections in self._idle:
            for connection in (connections.control, connections.reader):
                await connection.close()
        for publisher in list(self._publishers):
            self.drop(publisher)
        await asyncio.sleep(0)

    async def _open(self) -> ShardConnections:
        settings = self._settings
        control = await db.connect(
            settings.database_url,
            "control",
            patience=min(settings.stall_seconds, settings.lease_seconds),
            idle_in_transaction_session_timeout="5s",
        )
        try:
            reader = await self._open_reader(control)
        except BaseException:
            await control.close()
            raise
        return ShardConnections(control, reader)

    async def _open_reader(self, control: db.Connection) -> db.Connection:
        settings, patience = self._settings, 5 * self._settings.stall_seconds
        if not settings.replica_url:
            return await db.connect(settings.database_url, "reader", patience=patience)
        try:
            reader = await db.connect(settings.replica_url, "reader", patience=patience)
        except (psycopg.Error, OSError) as error:
            if not db.passes_by_itself(error):
                raise
            raise Interrupted(f"the replica of PGJOBS_REPLICA_URL: {troubles.words(error)}") from error
        try:
            await check_replica(control, reader)
        except BaseException:
            await reader.close()
            raise
        return reader

    def drop(self, publisher: Publisher | None) -> None:
        """Close a publisher, if there is one, and forget it."""
        if publisher is not None:
            publisher.close()
            self._publishers.discard(publisher)
