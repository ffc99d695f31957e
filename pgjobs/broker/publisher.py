"""One confirmed channel to RabbitMQ: windows of frames go out in one write, confirms come back as ranges.

Every message is published mandatory and ends confirmed, returned or nacked; a nacked one is published again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pika import exceptions, spec

from pgjobs import failpoints as faults
from pgjobs.broker.batched_loop import BUSY_MESSAGES
from pgjobs.broker.confirms import Confirms, Flight, returned_as
from pgjobs.broker.connection import BrokerConnection, answer, fail, misconfigured, words
from pgjobs.broker.formats.base import Format, message_id
from pgjobs.broker.formats.choice import format_for
from pgjobs.errors import ConfigurationError, Interrupted, Poisoned
from pgjobs.joblog.record import Record, Refusal
from pgjobs.metrics import Metrics

NACK_PAUSES = (0.5, 1, 2, 4, 8, 16, 30)
POISONED = 406

Parts = Sequence[tuple[Format, Sequence[Record]]]
Tick = Callable[[], Awaitable[None]]


class Publisher:
    """A connection with one channel in confirm mode."""

    def __init__(self, metrics: Metrics, stall_seconds: float) -> None:
        self.metrics = metrics
        self.returned: dict[str, Refusal] = {}
        self._seen: dict[tuple[str, str], float] = {}
        self._nack_round = 0
        self._confirms = Confirms()
        self._progress = time.monotonic()
        self.connection = BrokerConnection(metrics, stall_seconds, lambda: self._confirms.behind > BUSY_MESSAGES)
        self._channel: Any = None

    @classmethod
    async def connect(cls, url: str, name: str, metrics: Metrics, stall_seconds: float) -> Publisher:
        """Connect and switch the channel to confirms; Interrupted when the broker can't be reached."""
        publisher = cls(metrics, stall_seconds)
        await publisher.connection.open(url, name, publisher._open_channel)
        return publisher

    async def _open_channel(self) -> None:
        self._channel = channel = await self.connection.open_channel()
        channel.add_on_close_callback(lambda _channel, error: self.connection.lose(error))
        channel.add_on_return_callback(self._on_return)
        selected: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        channel.confirm_delivery(self._on_confirm, callback=lambda frame: answer(selected, frame))
        await self.connection.or_lost(selected)

    @property
    def blocked_since(self) -> float | None:
        """The moment since when an alarm of the broker holds it up."""
        return self.connection.blocked_since

    @property
    def blocked_reason(self) -> str:
        """What the broker said of that alarm."""
        return self.connection.blocked_reason

    @property
    def blocked(self) -> bool:
        """Whether an alarm of the broker holds it up."""
        return self.blocked_since is not None and self.usable

    @property
    def usable(self) -> bool:
        """Whether windows can be published on it."""
        return not self.connection.lost.done() and self._channel is not None and bool(self._channel.is_open)

    async def check_route(self, exchange: str, routing_key: str, within: float = 0.0) -> None:
        """Refuse a route whose exchange (or, for the default exchange, queue) does not exist.

        One that was there less than `within` seconds ago is not asked for again: a message it can't take comes back.
        """
        if time.monotonic() - self._seen.get((exchange, routing_key), -math.inf) < within:
            return
        await self._find(exchange, routing_key)
        self._seen[exchange, routing_key] = time.monotonic()

    async def messages_ready(self, queue: str) -> int:
        """How many messages lie ready in a queue, as the broker says; refuses a queue that does not exist."""
        return (await self.queue_state(queue))[0]

    async def queue_state(self, queue: str) -> tuple[int, int]:
        """How many messages lie ready in a queue, and how many consumers it has; refuses one that does not exist."""
        method = (await self._find("", queue)).method
        return int(method.message_count), int(method.consumer_count)

    async def _find(self, exchange: str, queue: str) -> Any:
        """Ask for an exchange, or without one for a queue, on a channel of its own; the broker's answer."""
        thing = f"exchange {exchange!r}" if exchange else f"queue {queue!r}"
        declared: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            channel = await self.connection.open_channel(self._lost_error)
            channel.add_on_close_callback(lambda _channel, error: fail(declared, error))
            declare: Callable[..., Any] = channel.exchange_declare if exchange else channel.queue_declare
            declare(exchange or queue, passive=True, callback=lambda frame: answer(declared, frame))
            async with asyncio.timeout(self.connection.stall_seconds):
                frame = await self.connection.or_lost(declared, self._lost_error)
            channel.close()
        except exceptions.ChannelClosedByBroker as error:
            sentence = f"{thing}: {error.reply_code} {error.reply_text}"
            if misconfigured(error.reply_code, error.reply_text):
                raise ConfigurationError(f"broker refuses {sentence}") from error
            raise Interrupted(f"the broker can't reach {sentence}") from error
        except TimeoutError as error:
            raise Interrupted("the broker does not answer") from error
        except exceptions.AMQPError as error:
            raise Interrupted(f"the broker is gone: {words(error)}") from error
        return frame

    def format(self, name: str = "event", **of_the_job: Any) -> Format:
        """The format of a job's messages, compiled for this channel, see `format_for`."""
        number, frame_max = self._channel.channel_number, self.connection.frame_max
        return format_for(name, channel=number, frame_max=frame_max, **of_the_job)

    def publish(self, parts: Parts, prefix: str) -> Flight:
        """Write records, which are in the order of their keys, in one go; the flight is done when each is answered."""
        if self.connection.lost.done():
            raise self._lost_error()
        keys = [record[0] for _format, records in parts for record in records]
        if not self._confirms.flights:
            self._progress = time.monotonic()
        flight = self._confirms.take_off(keys)
        if not keys:
            answer(flight.done, None)
            return flight
        now = int(time.time())
        data = b"".join(form.frames(prefix, records, now) for form, records in parts)
        faults.fail("publish")
        self.connection.write(data)
        self.metrics.published.inc(len(keys))
        self.metrics.windows_published.inc()
        return flight

    async def pause_after_nack(self, tick: Tick) -> None:
        """Wait before nacked records are published once more, the longer the more often nothing was taken."""
        pause = NACK_PAUSES[min(self._nack_round, len(NACK_PAUSES) - 1)]
        self._nack_round += 1
        until = time.monotonic() + pause
        while time.monotonic() < until:
            await asyncio.sleep(min(1.0, max(0.0, until - time.monotonic())))
            await tick()

    async def publish_again(self, parts: Parts, prefix: str, tick: Tick) -> Flight:
        """Publish nacked records once more after such a pause."""
        await self.pause_after_nack(tick)
        flight = self.publish(parts, prefix)
        await self.settle(flight, tick)
        return flight

    @property
    def nacking(self) -> bool:
        """Whether the broker has refused messages of the window it was asked for last."""
        return self._nack_round > 0

    @property
    def silent_seconds(self) -> float:
        """For how long it has confirmed nothing of what is in flight."""
        return time.monotonic() - max(self._progress, self.connection.unblocked_at)

    def forget_nacks(self) -> None:
        """The broker takes messages again: the next nack is followed by a short pause."""
        self._nack_round = 0

    def take_returned(self, prefix: str, records: Sequence[Record], attempt: int | None = None) -> dict[int, Refusal]:
        """Why the broker gave records of this attempt back, by key; each answer is taken once."""
        if not self.returned:
            return {}
        keys = {message_id(prefix, record[0], attempt): record[0] for record in records}
        return {keys[name]: self.returned.pop(name) for name in list(self.returned) if name in keys}

    async def settle(self, flight: Flight, tick: Tick) -> None:
        """Wait until a flight is done, bounded by progress: silence while not blocked is an interruption.

        `tick` is called about once a second while waiting, and may raise.
        """
        while not flight.done.done():
            await asyncio.wait((flight.done, self.connection.lost), timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if flight.done.done():
                return
            if self.connection.lost.done():
                raise self._lost_error()
            await tick()
            if self.blocked_since is None and self.silent_seconds > self.connection.stall_seconds:
                raise Interrupted(f"no confirm from the broker for {self.connection.stall_seconds:.0f} s")

    def close(self) -> None:
        """Begin to close; what is written and unconfirmed stays uncertain, and nothing of it leaves any more."""
        self.connection.close(drop=bool(self._confirms.flights))

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        await self.connection.wait_closed()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        self._progress = time.monotonic()
        nack = isinstance(method, spec.Basic.Nack)
        for flight in self._confirms.settle(method.delivery_tag, multiple=method.multiple, nack=nack):
            self.metrics.confirmed.inc(len(flight.keys) - len(flight.nacked))
            if flight.nacked:
                self.metrics.nacked.inc(len(flight.nacked))
                self.metrics.last_nack.set_to_current_time()
            flight.seconds = self._progress - flight.written_at
            self.metrics.confirm_seconds.observe(flight.seconds)
            answer(flight.done, None)

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        self.metrics.returned.inc()
        self.returned[properties.message_id] = returned_as(method.reply_code, method.reply_text)

    def _lost_error(self) -> Exception:
        error = self.connection.lost_error()
        closed = self.connection.lost.result()
        of_a_message = isinstance(closed, exceptions.ChannelClosedByBroker) and closed.reply_code == POISONED
        return Poisoned(str(error)) if of_a_message and self._confirms.flights else error
