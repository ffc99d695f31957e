"""Answers: taken from the reply queues in batches, given to the database in one statement each, then acknowledged.

What an answer means is decided by pgjobs.report_items(). One that was taken in and not acknowledged comes again, and
counts as repeated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from pgjobs import failpoints as faults
from pgjobs.broker.replies import Delivery, ReplyConsumer
from pgjobs.engine.control import Control
from pgjobs.errors import one_line
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
MOST = 1000
"""Answers of a batch."""
GATHER_SECONDS = 0.05
"""So long the first answer of a batch waits for others."""
LOOK_SECONDS = 5.0
"""How often the list of queues is read again."""
BEAT = "agent"
"""The AMQP type of a message in which an agent says that it lives."""
MAX_BATCH = 16 << 20
"""Bytes of the answers that are given to the database in one statement."""
REFUSALS = (
    psycopg.DataError,
    psycopg.InternalError,
    psycopg.ProgrammingError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
"""What the database says of an answer that it can't take in."""
AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure, psycopg.errors.LockNotAvailable)


class Replies:
    """Takes the answers of all types; a daemon that has none to wait for is not connected for it."""

    def __init__(self, settings: Settings, control: Control, metrics: Metrics, daemon_id: UUID) -> None:
        self._settings = settings
        self._control = control
        self._metrics = metrics
        self._daemon_id = daemon_id
        self._refused: dict[str, str] = {}

    async def run(self, works: Callable[[], None]) -> None:
        """Take answers for ever."""
        while True:
            queues = await self._queues()
            if queues:
                await self._consume(queues, works)
            works()
            await asyncio.sleep(LOOK_SECONDS)

    async def _queues(self) -> list[str]:
        return await self._control.value("select array(select pgjobs.reply_queues())") or []

    async def _consume(self, queues: list[str], works: Callable[[], None]) -> None:
        """Consume these queues, and whichever else there are later, until there are none."""
        settings = self._settings
        name = f"pgjobs {settings.daemon_name} replies"
        consumer = await ReplyConsumer.connect(settings.amqp_url, name, self._metrics, settings.stall_seconds)
        try:
            while queues:
                await consumer.consume(queues)
                await self._tell(consumer.refused)
                look_at = time.monotonic() + LOOK_SECONDS
                while (left := look_at - time.monotonic()) > 0:
                    if batch := await consumer.batch(MOST, GATHER_SECONDS, left):
                        await self._take(batch)
                        faults.reach("after_report")
                        consumer.acknowledge(batch)
                        self._metrics.replies.inc(len(batch))
                        works()
                queues = await self._queues()
        finally:
            await consumer.close()

    async def _tell(self, refused: dict[str, str]) -> None:
        for queue, reason in refused.items():
            if self._refused.get(queue) != reason:
                logger.warning("no answers are taken from the reply queue %r: %s", queue, reason)
        if refused or self._refused:
            # Told with each look: the daemon has no row before its first heartbeat.
            await self._control.value("select pgjobs.note_replies(%s, %s)", self._daemon_id, Jsonb(refused))
        self._refused = dict(refused)

    async def _take(self, batch: Sequence[Delivery]) -> None:
        """Give beats and answers to the database."""
        for delivery in batch:
            if delivery.kind == BEAT:
                await self._control.value("select pgjobs.beat_agent(%s)", _text(delivery.body))
        if answers := [delivery for delivery in batch if delivery.kind != BEAT]:
            await self._take_answers(answers)

    async def _take_answers(self, batch: Sequence[Delivery]) -> None:
        """Give answers to the database; one that it can't take in costs none of the others."""
        ids = [_id(delivery.correlation_id) for delivery in batch]
        bodies = [_text(delivery.body) for delivery in batch]
        if sum(len(body or "") for body in bodies) > MAX_BATCH:
            await self._take_halves(batch)
            return
        try:
            await self._report(ids, bodies)
        except REFUSALS as error:
            async with self._control.connection() as connection:
                await db.check_schema(connection)
            if len(batch) > 1:
                await self._take_halves(batch)
                return
            logger.warning("an answer could not be taken in: %s", one_line(error))
            await self._control.value("select pgjobs.count_reply_fault(%s, %s)", "refused", bodies[0] or "")

    async def _take_halves(self, batch: Sequence[Delivery]) -> None:
        middle = len(batch) // 2
        await self._take_answers(batch[:middle])
        await self._take_answers(batch[middle:])

    async def _report(self, ids: list[str | None], bodies: list[str | None]) -> None:
        # Binary: to quote JSON for the text of an array takes thirty times as long.
        call = "select array_agg(r.job_id) from pgjobs.report_items(%b::text[], %b::text[]) r"
        faults.reach("before_answers")
        while True:
            try:
                jobs = await self._control.value(call, ids, bodies)
                break
            except AGAIN:
                logger.info("answers met a lock of somebody else, and are given to the database again")
        faults.reach("after_answers")
        if jobs:
            try:
                await self._control.value("select pgjobs.settle_items(%s::bigint[])", jobs)
            except AGAIN as error:
                # The answers are taken in: they must not come again. The elected daemon settles what is left undone.
                logger.info("what is due after these answers is looked for later: %s", one_line(error))


def _id(correlation_id: str | bytes | None) -> str | None:
    """A correlation id as the database takes it; None where it is no text."""
    return correlation_id if isinstance(correlation_id, str) and "\0" not in correlation_id else None


def _text(body: bytes) -> str | None:
    """An answer as text; None where it is none."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
