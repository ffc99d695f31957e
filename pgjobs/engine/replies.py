"""Answers: taken from the reply queues in batches, given to the database, then acknowledged.

One that was taken in and not acknowledged comes again, and counts as repeated.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from psycopg.types.json import Jsonb

from pgjobs import failpoints as faults
from pgjobs.broker.replies import Delivery, ReplyConsumer
from pgjobs.engine.answers import ASIDE_SECONDS, MOST, Answers
from pgjobs.engine.control import Control
from pgjobs.engine.reporting import text
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
GATHER_SECONDS = 0.05
"""So long the first answer of a batch waits for others."""
LOOK_SECONDS = 5.0
"""How often the list of queues is read again."""
BEAT = "agent"
"""The AMQP type of a message in which an agent says that it lives."""


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
        answers = Answers(self._control)
        try:
            while queues:
                await consumer.consume(queues)
                await self._tell(consumer.refused)
                look_at = time.monotonic() + LOOK_SECONDS
                while (left := look_at - time.monotonic()) > 0:
                    aside = answers.aside
                    patience = min(left, ASIDE_SECONDS) if aside else left
                    batch = await consumer.batch(MOST, GATHER_SECONDS, patience)
                    if batch or aside:
                        done = await self._take(answers, batch)
                        faults.reach("after_report")
                        consumer.acknowledge(done, answers.aside)
                        self._metrics.replies.inc(len(done))
                        works()
                queues = await self._queues()
        finally:
            answers.give_up()
            await consumer.close()

    async def _tell(self, refused: dict[str, str]) -> None:
        for queue, reason in refused.items():
            if self._refused.get(queue) != reason:
                logger.warning("no answers are taken from the reply queue %r: %s", queue, reason)
        for queue in self._refused.keys() - refused.keys():
            logger.info("reply queue %r: it is no longer refused, or no type names it any more", queue)
        if refused or self._refused:
            # Told with each look: the daemon has no row before its first heartbeat.
            await self._control.value("select pgjobs.note_replies(%s, %s)", self._daemon_id, Jsonb(refused))
        self._refused = dict(refused)

    async def _take(self, answers: Answers, batch: Sequence[Delivery]) -> list[Delivery]:
        """Give beats and answers to the database; which messages are done with."""
        no_answers = [delivery for delivery in batch if delivery.asks]
        if no_answers:
            count = "select pgjobs.count_reply_fault(%s, %s, %s)", "no_answer"
            await self._control.value(*count, text(no_answers[0].body) or "", len(no_answers))
        beats = [delivery for delivery in batch if delivery.kind == BEAT and not delivery.asks]
        for delivery in beats:
            await self._control.value("select pgjobs.beat_agent(%s)", text(delivery.body))
        answered = [delivery for delivery in batch if delivery.kind != BEAT and not delivery.asks]
        return [*no_answers, *beats, *await answers.take(answered)]
