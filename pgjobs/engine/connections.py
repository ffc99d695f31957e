"""Lanes: the connections a run works with, kept warm between runs so that a job starts without a handshake."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from uuid import UUID

import psycopg

from pgjobs.engine.broker.publisher import Publisher
from pgjobs.errors import Interrupted
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
ASK_SECONDS = 2.0
KNOCK_SECONDS = 2.0
"""Of all its shards together a daemon asks a broker that is away no more often."""
IDLE = psycopg.pq.TransactionStatus.IDLE


@dataclass
class Lane:
    """Two connections to PostgreSQL and, unless nothing is to be published, one to RabbitMQ."""

    control: db.Connection
    reader: db.Connection
    publisher: Publisher | None = None

    @property
    def usable(self) -> bool:
        """Whether another run can use it as it is."""
        return not self.control.closed and not self.reader.closed and self.reader.info.transaction_status == IDLE


class Lanes:
    """Opens lanes and takes them back."""

    def __init__(self, settings: Settings, metrics: Metrics, worker: UUID) -> None:
        self._settings = settings
        self._metrics = metrics
        self._name = f"pgjobs {settings.daemon_name} {worker}"
        self._idle: list[Lane] = []
        self._publishers: set[Publisher] = set()
        self._trouble = ""
        self._knocking = asyncio.Lock()
        self._knock_again = 0.0
        # Asked whenever somebody reads them, so that they are true whatever became of a connection.
        metrics.broker_connected.set_function(lambda: any(each.usable for each in self._publishers))
        metrics.broker_blocked.set_function(lambda: any(each.blocked for each in self._publishers))

    async def take(self, *, publishing: bool) -> Lane:
        """A lane to PostgreSQL; its publisher, where one is asked for, is fit for use or None."""
        lane = await self._take_idle() or await self._open()
        if publishing and (lane.publisher is None or not lane.publisher.usable):
            self._drop(lane.publisher)
            lane.publisher = None
        return lane

    async def _take_idle(self) -> Lane | None:
        """A lane of an earlier run on which the database still answers; one that died without a word is closed."""
        while self._idle:
            lane = self._idle.pop()
            if lane.usable:
                asked = await asyncio.gather(lane.control.answers(ASK_SECONDS), lane.reader.answers(ASK_SECONDS))
                if all(asked):
                    return lane
            await self.give_back(lane, healthy=False)
        return None

    async def publisher(self) -> Publisher:
        """A publisher of its own; Interrupted when the broker can't be reached, or could not just now."""
        settings = self._settings
        async with self._knocking:
            if time.monotonic() < self._knock_again:
                raise Interrupted(self._trouble)
            try:
                publisher = await Publisher.connect(
                    settings.amqp_url, self._name, self._metrics, settings.stall_seconds
                )
            except Interrupted as error:
                self._knock_again = time.monotonic() + KNOCK_SECONDS
                self._trouble = error.sentence
                raise
        self._trouble = ""
        self._publishers.add(publisher)
        return publisher

    async def give_back(self, lane: Lane, *, healthy: bool) -> None:
        """Keep a lane for the next run, or close what is left of it."""
        if healthy and lane.usable:
            self._idle.append(lane)
            return
        self._drop(lane.publisher)
        for connection in (lane.control, lane.reader):
            await connection.close()

    def drop(self, publisher: Publisher) -> None:
        """Close a publisher that stands alone."""
        self._drop(publisher)

    async def warm(self) -> None:
        """Have one lane ready before the first job asks; a broker that is away is met again then."""
        with contextlib.suppress(psycopg.Error, OSError):
            lane = await self._open()
            try:
                lane.publisher = await self.publisher()
            except Interrupted as error:
                logger.warning("%s", error.sentence)
            self._idle.append(lane)

    def broker_state(self) -> str:
        """In words, what the heartbeat says about the broker."""
        for publisher in self._publishers:
            if publisher.blocked:
                return f"blocked: {publisher.blocked_reason}"
        return self._trouble or ("connected" if any(p.usable for p in self._publishers) else "idle")

    async def close(self) -> None:
        """Close everything."""
        for lane in self._idle:
            for connection in (lane.control, lane.reader):
                await connection.close()
        for publisher in list(self._publishers):
            self._drop(publisher)
        await asyncio.sleep(0)

    async def _open(self) -> Lane:
        settings = self._settings
        control = await db.connect(
            settings.database_url,
            "control",
            patience=min(settings.stall_seconds, settings.lease_seconds),
            idle_in_transaction_session_timeout="5s",
        )
        try:
            reader = await db.connect(
                settings.replica_url or settings.database_url, "reader", patience=5 * settings.stall_seconds
            )
        except BaseException:
            await control.close()
            raise
        return Lane(control, reader)

    def _drop(self, publisher: Publisher | None) -> None:
        if publisher is not None:
            publisher.close()
            self._publishers.discard(publisher)
