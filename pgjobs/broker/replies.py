"""Consume answers: queues of one connection, a channel for each, their messages in batches, acknowledged by batch."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pika import exceptions

from pgjobs.broker.connection import BrokerConnection, answer, fail, words
from pgjobs.metrics import Metrics

PREFETCH = 2000
"""Messages that the broker hands out ahead of their acknowledgement, to each consumer."""
MOST_CONSUMERS = 16
"""Consumers of a queue, as they are added while messages are kept unacknowledged."""
MOST_KEPT_BYTES = 64 << 20
"""Bodies of the messages that are kept unacknowledged while more of them are asked for."""
BATCH_BYTES = 1 << 20
"""Bodies of a batch together, for a message may hold thousands of answers."""
LARGEST = 256 << 10
"""Bytes of an answer."""
BEGINNING = 200
"""So many bytes of a larger one are kept."""
JOB_HEADER = "x-job-id"
"""The header that the messages of jobs have, and no answer."""

STREAM_HEADER = "x-stream-offset"
"""The header that the broker gives to whatever it hands out of a stream."""
STREAM = "it is a stream, and a daemon that begins misses what was answered before: take a classic or quorum queue"


class Delivery(NamedTuple):
    """One message as it came; `correlation_id` and `kind` (its AMQP type) are None where it has none.

    They are bytes where they are no UTF-8. `asks`: it wants an answer, or is a message of a job itself, and so is none.
    """

    channel: Any
    tag: int
    correlation_id: str | bytes | None
    kind: str | bytes | None
    body: bytes
    asks: bool = False


class ReplyConsumer:
    """A connection that consumes; what it has taken and nobody has acknowledged goes back when it closes."""

    def __init__(self, metrics: Metrics, stall_seconds: float) -> None:
        self.connection = BrokerConnection(metrics, stall_seconds)
        self.refused: dict[str, str] = {}
        """Why queues are not consumed, by name: the broker's words."""
        self._channels: dict[str, Any] = {}
        self._taken: list[Delivery] = []
        self._came = asyncio.Event()

    @classmethod
    async def connect(cls, url: str, name: str, metrics: Metrics, stall_seconds: float) -> ReplyConsumer:
        """Connect; Interrupted when the broker can't be reached."""
        consumer = cls(metrics, stall_seconds)
        await consumer.connection.open(url, name, _nothing)
        return consumer

    async def consume(self, queues: Iterable[str]) -> None:
        """Consume exactly these queues; one that is missing or refused is asked for again with the next call."""
        wanted = set(queues)
        for queue in self._channels.keys() - wanted:
            self._channels.pop(queue).close()
        for queue in sorted(wanted - self._channels.keys()):
            await self._consume(queue)
        self.refused = {queue: reason for queue, reason in self.refused.items() if queue in wanted}

    async def _consume(self, queue: str) -> None:
        begun: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def closed(_channel: Any, error: BaseException) -> None:
            self._channels.pop(queue, None)
            self.refused[queue] = closed_because(error)
            fail(begun, error)

        try:
            channel = await self.connection.open_channel()
            channel.add_on_close_callback(closed)
            channel.add_on_cancel_callback(lambda _frame: channel.close(404, "the queue is gone"))
            channel.basic_qos(prefetch_count=PREFETCH)
            channel.basic_consume(queue, self._on_message, callback=lambda frame: answer(begun, frame))
            async with asyncio.timeout(self.connection.stall_seconds):
                await self.connection.or_lost(begun)
        except exceptions.ChannelClosed:
            return
        self._channels[queue] = channel
        self.refused.pop(queue, None)

    def _on_message(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        if len(body) > LARGEST:
            body = body[:BEGINNING].decode(errors="ignore").encode()
        if STREAM_HEADER in (properties.headers or {}):
            self.refused |= {queue: STREAM for queue, consumed in self._channels.items() if consumed is channel}
        asks = bool(properties.reply_to) or JOB_HEADER in (properties.headers or {})
        self._taken.append(
            Delivery(channel, method.delivery_tag, properties.correlation_id, properties.type, body, asks)
        )
        self._came.set()

    async def batch(self, most: int, seconds: float, patience: float) -> Sequence[Delivery]:
        """What has come: at most so many, once the first of them has waited so long; none after `patience` seconds."""
        if not self._taken:
            self._came.clear()
            await self._comes(patience)
        until = time.monotonic() + seconds
        while self._taken and len(self._taken) < most and (left := until - time.monotonic()) > 0:
            self._came.clear()
            await self._comes(left)
        fit = fits(self._taken[:most])
        batch, self._taken = self._taken[:fit], self._taken[fit:]
        return batch

    async def _comes(self, seconds: float) -> None:
        """Wait for a message, so long; raises where the connection is lost meanwhile."""
        coming = asyncio.ensure_future(self._came.wait())
        try:
            await asyncio.wait((coming, self.connection.lost), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            coming.cancel()
        if self.connection.lost.done():
            raise self.connection.lost_error()

    def acknowledge(self, done: Sequence[Delivery], kept: Sequence[Delivery] = ()) -> None:
        """These messages are done with, and all that came before them on their channels, but those that are kept."""
        first_kept: dict[Any, int] = {}
        for delivery in kept:
            first_kept[delivery.channel] = min(delivery.tag, first_kept.get(delivery.channel, delivery.tag))
        last: dict[Any, int] = {}
        for channel, tag in ((delivery.channel, delivery.tag) for delivery in done if delivery.channel.is_open):
            if tag > first_kept.get(channel, tag):
                channel.basic_ack(tag)
            else:
                last[channel] = max(tag, last.get(channel, tag))
        for channel, tag in last.items():
            channel.basic_ack(tag, multiple=True)
        self._make_room(kept)

    def _make_room(self, kept: Sequence[Delivery]) -> None:
        """Have the broker hand out more where half of what it hands out is kept: others lie behind it in the queue."""
        if sum(len(delivery.body) for delivery in kept) > MOST_KEPT_BYTES:
            return
        numbers = Counter(delivery.channel for delivery in kept)
        for queue, channel in self._channels.items():
            consumers = len(channel.consumer_tags)
            if channel.is_open and consumers < MOST_CONSUMERS and numbers[channel] * 2 > consumers * PREFETCH:
                channel.basic_consume(queue, self._on_message)

    async def close(self) -> None:
        """Close; what was not acknowledged is delivered again, to whoever consumes next."""
        self.connection.close()
        await self.connection.wait_closed()


def fits(deliveries: Sequence[Delivery]) -> int:
    """How many of the first ones make a batch that is not too large; one of them at least."""
    sizes = itertools.accumulate(len(delivery.body) for delivery in deliveries)
    return max(sum(size <= BATCH_BYTES for size in sizes), 1)


def closed_because(error: BaseException) -> str:
    """Why a channel was closed: the broker's code and words."""
    if isinstance(error, exceptions.ChannelClosed):
        return f"{error.reply_code} {error.reply_text}"
    return words(error)


async def _nothing() -> None:
    """There is no channel to set up before a queue is known."""
