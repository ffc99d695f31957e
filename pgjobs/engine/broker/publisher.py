"""One confirmed channel to RabbitMQ: windows of frames go out in one write, confirms come back as ranges.

Every message is published mandatory and ends confirmed, returned or nacked; a nacked one is published again.
A broker alarm (`blocked`) is a state, not an error. Whatever else closes the channel is either a configuration
error, which names the missing thing, or an interruption, after which the caller starts over.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pika
from pika import exceptions, spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from pgjobs import failpoints as faults
from pgjobs.engine.broker.batched_loop import BUSY_MESSAGES, BatchedLoop
from pgjobs.engine.broker.confirms import Confirms, Flight, returned_as
from pgjobs.engine.broker.formats.event import EventFormat
from pgjobs.errors import ConfigurationError, Interrupted, Poisoned
from pgjobs.joblog.record import Record, Refusal
from pgjobs.metrics import Metrics

NACK_PAUSES = (0.5, 1, 2, 4, 8, 16, 30)
MISCONFIGURED = {403, 406}
MISSING = re.compile(r"NOT_FOUND - no |(?!NOT_FOUND)").match
"""What is not there at all; of a queue that is there but away the broker says where its home node is, or what it waits
for."""
NOT_FOUND = 404
POISONED = 406

Parts = Sequence[tuple[EventFormat, Sequence[Record]]]
Tick = Callable[[], Awaitable[None]]


class Publisher:
    """A connection with one channel in confirm mode."""

    def __init__(self, metrics: Metrics, stall_seconds: float) -> None:
        self.metrics = metrics
        self.blocked_since: float | None = None
        self.blocked_reason = ""
        self.returned: dict[str, Refusal] = {}
        self._stall = stall_seconds
        self._nack_round = 0
        self._confirms = Confirms()
        self._progress = time.monotonic()
        self._lost: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._connection: Any = None
        self._channel: Any = None

    @classmethod
    async def connect(cls, url: str, name: str, metrics: Metrics, stall_seconds: float) -> Publisher:
        """Connect and switch the channel to confirms; Interrupted when the broker can't be reached."""
        publisher = cls(metrics, stall_seconds)
        try:
            async with asyncio.timeout(stall_seconds):
                faults.fail("connect")
                await publisher._open(url, name)
        except (exceptions.AMQPError, AMQPConnectorException, OSError) as error:
            publisher.close()
            raise Interrupted(f"broker unreachable: {_words(error)}") from error
        except BaseException:
            publisher.close()
            raise
        return publisher

    async def _open(self, url: str, name: str) -> None:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 10
        parameters.blocked_connection_timeout = None
        parameters.connection_attempts = 1
        parameters.client_properties = {"connection_name": name, "product": "pgjobs"}
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Any] = loop.create_future()
        self._connection = AsyncioConnection(
            parameters,
            custom_ioloop=BatchedLoop(loop, lambda: self._confirms.behind > BUSY_MESSAGES),
            on_open_callback=lambda connection: _answer(opened, connection),
            on_open_error_callback=lambda _connection, error: _fail(opened, error),
            on_close_callback=lambda _connection, error: self._lose(error),
        )
        await opened
        self._connection.add_on_connection_blocked_callback(self._on_blocked)
        self._connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self._channel = await self._open_channel()
        self._channel.add_on_close_callback(lambda _channel, error: self._lose(error))
        self._channel.add_on_return_callback(self._on_return)
        selected: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._channel.confirm_delivery(self._on_confirm, callback=lambda frame: _answer(selected, frame))
        await self._or_lost(selected)

    async def _open_channel(self) -> Any:
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._connection.channel(on_open_callback=lambda channel: _answer(opened, channel))
        return await self._or_lost(opened)

    @property
    def blocked(self) -> bool:
        """Whether an alarm of the broker holds it up."""
        return self.blocked_since is not None and self.usable

    @property
    def usable(self) -> bool:
        """Whether windows can be published on it."""
        return not self._lost.done() and self._channel is not None and bool(self._channel.is_open)

    async def check_route(self, exchange: str, routing_key: str) -> None:
        """Refuse a route whose exchange (or, for the default exchange, queue) does not exist."""
        thing = f"exchange {exchange!r}" if exchange else f"queue {routing_key!r}"
        declared: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            channel = await self._open_channel()
            channel.add_on_close_callback(lambda _channel, error: _fail(declared, error))
            declare: Callable[..., Any] = channel.exchange_declare if exchange else channel.queue_declare
            declare(exchange or routing_key, passive=True, callback=lambda frame: _answer(declared, frame))
            async with asyncio.timeout(self._stall):
                await self._or_lost(declared)
            channel.close()
        except exceptions.ChannelClosedByBroker as error:
            sentence = f"{thing}: {error.reply_code} {error.reply_text}"
            if misconfigured(error.reply_code, error.reply_text):
                raise ConfigurationError(f"broker refuses {sentence}") from error
            raise Interrupted(f"the broker can't reach {sentence}") from error
        except TimeoutError as error:
            raise Interrupted("the broker does not answer") from error
        except exceptions.AMQPError as error:
            raise Interrupted(f"the broker is gone: {_words(error)}") from error

    def format(self, **of_the_job: Any) -> EventFormat:
        """The format of a job's messages, compiled for this channel."""
        number, frame_max = self._channel.channel_number, self._connection.params.frame_max
        return EventFormat(channel=number, frame_max=frame_max, **of_the_job)

    def publish(self, parts: Parts, prefix: str) -> Flight:
        """Write records, which are in the order of their keys, in one go; the flight is done when each is answered."""
        if self._lost.done():
            raise self._lost_error()
        keys = [record[0] for _format, records in parts for record in records]
        if not self._confirms.flights:
            self._progress = time.monotonic()
        flight = self._confirms.take_off(keys)
        if not keys:
            _answer(flight.done, None)
            return flight
        now = int(time.time())
        data = b"".join(form.frames(prefix, records, now) for form, records in parts)
        faults.fail("publish")
        write_joined(self._connection, data)
        self.metrics.published.inc(len(keys))
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
        return time.monotonic() - self._progress

    def forget_nacks(self) -> None:
        """The broker takes messages again: the next nack is followed by a short pause."""
        self._nack_round = 0

    def take_returned(self, prefix: str, records: Sequence[Record]) -> dict[int, Refusal]:
        """Why the broker gave records back, by key; each answer is taken once."""
        if not self.returned:
            return {}
        keys = {f"{prefix}{record[0]}": record[0] for record in records}
        return {keys[name]: self.returned.pop(name) for name in list(self.returned) if name in keys}

    async def settle(self, flight: Flight, tick: Tick) -> None:
        """Wait until a flight is done, bounded by progress: silence while not blocked is an interruption.

        `tick` is called about once a second while waiting, and may raise.
        """
        while not flight.done.done():
            await asyncio.wait((flight.done, self._lost), timeout=1, return_when=asyncio.FIRST_COMPLETED)
            if flight.done.done():
                return
            if self._lost.done():
                raise self._lost_error()
            await tick()
            if self.blocked_since is None and time.monotonic() - self._progress > self._stall:
                raise Interrupted(f"no confirm from the broker for {self._stall:.0f} s")

    def close(self) -> None:
        """Close; what is written and unconfirmed stays uncertain, and nothing of it leaves any more."""
        if self._connection is None:
            return
        if self._confirms.flights or self.blocked_since is not None:
            abort(self._connection)
        elif not self._connection.is_closing and not self._connection.is_closed:
            # One that is still being opened is given up as well.
            self._connection.close()

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        self._progress = time.monotonic()
        nack = isinstance(method, spec.Basic.Nack)
        for flight in self._confirms.settle(method.delivery_tag, multiple=method.multiple, nack=nack):
            self.metrics.confirmed.inc(len(flight.keys) - len(flight.nacked))
            self.metrics.nacked.inc(len(flight.nacked))
            self.metrics.confirm_seconds.observe(time.monotonic() - flight.written_at)
            _answer(flight.done, None)

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        self.metrics.returned.inc()
        self.returned[properties.message_id] = returned_as(method.reply_code, method.reply_text)

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked_since = time.monotonic()
        self.blocked_reason = frame.method.reason

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.blocked_since = None
        self._progress = time.monotonic()

    def _lose(self, error: BaseException) -> None:
        if not self._lost.done():
            self._lost.set_result(error)
            self.metrics.broker_reconnects.labels(reason=type(error).__name__).inc()

    def _lost_error(self) -> Exception:
        error = self._lost.result()
        if isinstance(error, exceptions.ChannelClosedByBroker) and misconfigured(error.reply_code, error.reply_text):
            sentence = f"the broker closed the channel: {error.reply_code} {error.reply_text}"
            of_a_message = error.reply_code == POISONED and self._confirms.flights
            return Poisoned(sentence) if of_a_message else ConfigurationError(sentence)
        return Interrupted(f"the broker is gone: {_words(error)}")

    async def _or_lost(self, future: asyncio.Future[Any]) -> Any:
        await asyncio.wait((future, self._lost), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise self._lost_error()
        return future.result()


def misconfigured(code: int, text: str) -> bool:
    """Whether the broker closed a channel for a reason that a person has to mend; all other reasons pass."""
    return code in MISCONFIGURED or (code == NOT_FOUND and MISSING(text) is not None)


def write_joined(connection: Any, data: bytes) -> None:
    """Hand ready frames to the connection; a private touch of pika, guarded by a test and a pinned range."""
    connection._output_marshaled_frames([data])  # noqa: SLF001 pika has no public way to write joined frames


def abort(connection: Any) -> None:
    """Drop the connection with what it has buffered; a private touch as well: closing would still send it.

    pika is told why, or it would stumble over having no reason, and leave its socket open.
    """
    if connection._transport is not None:  # noqa: SLF001 pika's public close() flushes what is buffered
        connection._terminate_stream(exceptions.ConnectionClosedByClient(0, "given up"))  # noqa: SLF001 the same


def _answer(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _words(error: BaseException) -> str:
    """The innermost of the errors that pika has wrapped into each other, in its own words."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        wrapped = getattr(error, "exceptions", None) or [
            getattr(error, "exception", None) or next(iter(error.args), None)
        ]
        inner = wrapped[-1]
    return str(error).strip() or type(error).__name__
