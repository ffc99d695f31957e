"""The connections of a daemon: a few for control statements, and what each run uses, kept a while for the next one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from uuid import UUID

import psycopg

from pgjobs.broker.publisher import Publisher
from pgjobs.engine import troubles
from pgjobs.engine.broker_state import BrokerState
from pgjobs.engine.control import MOST, Control, usable
from pgjobs.engine.idle import Idle
from pgjobs.errors import Interrupted, PgjobsError
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.pg.replica import compare, identity
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
RECONNECT_INTERVAL = 2.0
"""Minimum seconds between connection attempts to an unreachable broker, for the whole daemon."""
WARM_SECONDS = 0.2
"""A daemon without work opens its first connections after so long."""
OWN = 5 + MOST
"""Connections to PostgreSQL beside those that read: listener, claims, leases, chores, expansions, control."""
ANSWERS = 4
"""Calls of /api that a daemon answers side by side, each with a connection of its own."""
BESIDE = 4
"""Shards that may begin while as many others, which were asked for their places, still end their windows."""
IDLE = psycopg.pq.TransactionStatus.IDLE


class ShardConnections:
    """What one run uses: a reader once it has a selection to read and, if it publishes, a connection to RabbitMQ."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.publisher: Publisher | None = None
        self._pool = pool
        self._reader: db.Connection | None = None

    async def reader(self) -> db.Connection:
        """The connection that reads the records."""
        if self._reader is None:
            self._reader = await self._pool.reader()
        return self._reader

    async def connect(self) -> None:
        """Connect to RabbitMQ; the publisher belongs to the run as soon as it is there, whoever waits for it."""
        self.publisher = await self._pool.publisher()

    async def borrow(self) -> None:
        """Take a publisher that nobody uses at the moment, or connect."""
        self.publisher = self._pool.unused_publisher() or await self._pool.publisher()

    async def give_back(self, *, healthy: bool) -> None:
        """Let other runs have the connections; after a run that broke off they are closed."""
        await self._pool.give_back(self._reader, self.publisher, healthy=healthy)
        self._reader = self.publisher = None


class ConnectionPool:
    """Opens the connections of runs and keeps them for later runs."""

    def __init__(self, settings: Settings, metrics: Metrics, daemon_id: UUID) -> None:
        self.control = Control(settings)
        self._settings = settings
        self._metrics = metrics
        self._name = f"pgjobs {settings.daemon_name} {daemon_id}"
        self._readers: Idle[db.Connection] = Idle()
        self._unused: Idle[Publisher] = Idle()
        self._broker = BrokerState(metrics)
        self._closing: set[asyncio.Task[None]] = set()
        self._published = False
        self._connecting = asyncio.Lock()
        self._retry_at = 0.0
        metrics.connections_limit.set(OWN + ANSWERS + settings.max_running + BESIDE)

    async def take(self, *, publishing: bool) -> ShardConnections:
        """Connections for one run, with a publisher if the run publishes and one is there: else it connects later."""
        connections = ShardConnections(self)
        self._published |= publishing
        if publishing:
            connections.publisher = self.unused_publisher()
        return connections

    async def reader(self) -> db.Connection:
        """A connection for one cursor; one of an earlier run only if the server still answers on it."""
        while (found := self._readers.take()) is not None:
            if await usable(*found):
                return found[0]
        return await self._open_reader()

    def unused_publisher(self) -> Publisher | None:
        """A publisher of an earlier run that still works, if there is one."""
        while (found := self._unused.take()) is not None:
            if found[0].usable:
                return found[0]
            self.drop(found[0])
        return None

    async def publisher(self) -> Publisher:
        """A new publisher; Interrupted if the broker can't be reached, or could not within RECONNECT_INTERVAL."""
        settings = self._settings
        async with self._connecting:
            if time.monotonic() < self._retry_at:
                raise Interrupted(self._broker.trouble)
            try:
                publisher = await Publisher.connect(
                    settings.amqp_url, self._name, self._metrics, settings.stall_seconds
                )
            except Interrupted as error:
                self._retry_at = time.monotonic() + RECONNECT_INTERVAL
                self._broker.missed(error)
                raise
        self._broker.reached(publisher)
        return publisher

    async def give_back(self, reader: db.Connection | None, publisher: Publisher | None, *, healthy: bool) -> None:
        """Keep connections for a later run, or close them if they can't be used again."""
        if publisher is not None and healthy and publisher.usable:
            self._unused.put(publisher)
        else:
            self.drop(publisher)
        if reader is not None and healthy and not reader.closed and reader.info.transaction_status == IDLE:
            self._readers.put(reader)
        elif reader is not None:
            await reader.close()

    async def keep(self, works: Callable[[], None]) -> None:
        """Open connections before the first job needs them, then close for ever what is not needed any more."""
        await self._warm()
        seconds = self._settings.idle_seconds
        while True:
            await asyncio.sleep(seconds / 4)
            await self.control.shrink(seconds)
            for reader in self._readers.take_unused(seconds, but=1):
                await reader.close()
            for publisher in self._unused.take_unused(seconds, but=1):
                self.drop(publisher)
            works()

    async def _warm(self) -> None:
        """One connection of each kind; if the broker is away, the first job connects to it later.

        Where jobs wait for the daemon their runs connect at once, and one more would never be needed.
        """
        await asyncio.sleep(WARM_SECONDS)
        if self._published:
            return
        connections = ShardConnections(self)
        try:
            with contextlib.suppress(psycopg.Error, OSError):
                await connections.reader()
                await connections.connect()
        except PgjobsError as error:
            if error.sentence != self._broker.trouble:
                logger.warning("%s (%s)", error.sentence, error.hint)
        finally:
            await connections.give_back(healthy=True)

    async def probe(self, works: Callable[[], None]) -> None:
        """Try to reach a broker that is away: while another daemon reaches it, no shard is taken that would try."""
        while True:
            await asyncio.sleep(RECONNECT_INTERVAL)
            if self._broker.trouble:
                with contextlib.suppress(PgjobsError):
                    self._unused.put(await self.publisher())
            works()

    def broker_state(self) -> str:
        """The state of the broker in words, for the heartbeat."""
        return self._broker.words

    async def close(self) -> None:
        """Close everything that is idle, and every publisher."""
        for publisher in list(self._broker.publishers):
            self.drop(publisher)
        for reader in self._readers.take_unused(0):
            await reader.close()
        await self.control.close()
        await asyncio.gather(*self._closing)

    async def _open_reader(self) -> db.Connection:
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
            found = await identity(reader)
            async with self.control.connection() as control:
                compare(await identity(control), found)
        except BaseException:
            await reader.close()
            raise
        return reader

    def drop(self, publisher: Publisher | None) -> None:
        """Close a publisher, if there is one, and forget it; close() waits until the broker knows."""
        if publisher is not None:
            publisher.close()
            self._broker.forget(publisher)
            closing = asyncio.create_task(publisher.wait_closed())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
