"""One connection to RabbitMQ with one channel: messages come in, answers go out and are confirmed one by one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from typing import Any

import pika
from pika import exceptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException

HEARTBEAT_SECONDS = 20
OPEN_SECONDS = 15.0
CLOSE_SECONDS = 2.0

OnMessage = Callable[[Any, Any, bytes], None]
"""Called with pika's Basic.Deliver, the properties and the body of a message."""


class LinkLost(Exception):
    """The broker can't be reached, or the connection or its channel is over: what was held goes back to its queue."""


class Link:
    """A connection that is open; once it is lost, it stays so."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why it is over."""
        self._closed = asyncio.Event()
        self._connection: Any = None
        self._channel: Any = None
        self._published = 0
        self._waiting: dict[int, asyncio.Future[str]] = {}
        """By delivery tag: who waits for the broker's word about a message."""
        self._returned: dict[int, str] = {}
        self._consumers: list[str] = []

    async def open(self, parameters: pika.URLParameters, prefetch: int) -> None:
        """Connect; LinkLost when the broker can't be reached."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._open(parameters, prefetch)
        except TimeoutError:
            raise LinkLost(f"the broker has not answered for {OPEN_SECONDS:g} s") from None
        except (exceptions.AMQPError, AMQPConnectorException, OSError) as error:
            raise LinkLost(f"the broker can't be reached: {words(error)}") from error

    async def _open(self, parameters: pika.URLParameters, prefetch: int) -> None:
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_open_error(connection: Any, error: BaseException) -> None:
            if not opened.done():
                opened.set_exception(error)
            self._on_close(connection, error)

        self._connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda connection: _answer(opened, connection),
            on_open_error_callback=on_open_error,
            on_close_callback=self._on_close,
        )
        await opened
        self._channel = await self._ask(lambda done: self._connection.channel(on_open_callback=done))
        self._channel.add_on_close_callback(lambda _channel, error: self._lose(words(error)))
        self._channel.add_on_return_callback(self._on_return)
        self._channel.add_on_cancel_callback(lambda _frame: self._lose("a queue was deleted while it was consumed"))
        await self._ask(lambda done: self._channel.confirm_delivery(self._on_confirm, callback=done))
        await self._ask(lambda done: self._channel.basic_qos(prefetch_count=prefetch, callback=done))

    async def consume(self, queue: str, on_message: OnMessage) -> None:
        """Take the messages of a queue; LinkLost where it is missing."""

        def arrived(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
            on_message(method, properties, body)

        def start(done: Callable[[object], None]) -> None:
            self._consumers.append(self._channel.basic_consume(queue, arrived, callback=done))

        await self._ask(start)

    async def stop_consuming(self) -> None:
        """Take nothing new."""
        for tag in self._consumers:
            await self._ask(functools.partial(self._channel.basic_cancel, tag))
        self._consumers.clear()

    def publish(self, queue: str, properties: pika.BasicProperties, body: bytes) -> asyncio.Future[str]:
        """Send a message to a queue. The future says why it was not delivered; empty: the broker has confirmed it."""
        confirmed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self.lost.done():
            confirmed.set_result(self.lost.result())
            return confirmed
        self._published += 1
        # Only so can a message that comes back be told from the others.
        properties.message_id = str(self._published)
        self._waiting[self._published] = confirmed
        try:
            self._channel.basic_publish("", queue, body, properties, mandatory=True)
        except exceptions.AMQPError as error:
            self._lose(words(error))
        return confirmed

    def acknowledge(self, delivery_tag: int) -> None:
        """The message is done with."""
        with contextlib.suppress(exceptions.AMQPError):
            self._channel.basic_ack(delivery_tag)

    def hand_back(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Somebody else may have the message; without requeue it goes where the queue's dead letters go."""
        with contextlib.suppress(exceptions.AMQPError):
            self._channel.basic_reject(delivery_tag, requeue=requeue)

    async def close(self) -> None:
        """End it; the broker gives what is held to others."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        with contextlib.suppress(exceptions.AMQPError):
            if not connection.is_closing:
                connection.close()
        try:
            await self._wait_closed()
        finally:
            # A broker that is silent never answers pika's close(), and the socket would stay open.
            if connection._transport is not None:  # noqa: SLF001 pika has no public way to drop a connection
                connection._terminate_stream(exceptions.ConnectionClosedByClient(0, "given up"))  # noqa: SLF001 the same
        # pika closes a socket in the next round of the loop.
        await self._wait_closed()

    async def _wait_closed(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._closed.wait()

    async def _ask(self, call: Callable[[Callable[[object], None]], object]) -> Any:
        """The broker's answer to a call of pika that takes a callback."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            call(lambda answer: _answer(answered, answer))
        except exceptions.AMQPError as error:
            raise LinkLost(words(error)) from error
        await asyncio.wait((answered, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise LinkLost(self.lost.result())
        return answered.result()

    def _on_close(self, _connection: Any, error: BaseException) -> None:
        self._lose(words(error))
        self._closed.set()

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        # The confirm of a message that came back follows.
        self._returned[int(properties.message_id)] = f"{method.reply_code} {method.reply_text}"

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        refused = "" if isinstance(method, pika.spec.Basic.Ack) else "the broker refused it (nack)"
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._waiting if tag <= method.delivery_tag]
        for tag in tags:
            _answer(self._waiting.pop(tag), self._returned.pop(tag, refused))

    def _lose(self, why: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(why)
        for confirmed in self._waiting.values():
            _answer(confirmed, why)
        self._waiting.clear()


def parameters(url: str, name: str) -> pika.URLParameters:
    """How pika connects; ValueError where it can't use the address, in words that hold no password."""
    try:
        read = pika.URLParameters(url)
    except Exception:  # noqa: BLE001 pika evaluates parts of it: whatever it raises, the address is wrong
        raise ValueError("pika can't use this address of RabbitMQ: write amqp://user:password@host/%2F") from None
    read.heartbeat = HEARTBEAT_SECONDS if read.heartbeat is None else read.heartbeat
    read.connection_attempts = 1
    read.client_properties = {"connection_name": f"agent {name}", "product": "pgjobs"}
    return read


def words(error: BaseException) -> str:
    """The innermost of the errors that pika has wrapped into each other, in its own words."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        several = getattr(error, "exceptions", None)
        inner = several[-1] if several else getattr(error, "exception", None) or next(iter(error.args), None)
    return str(error).strip() or type(error).__name__


def _answer(future: asyncio.Future[Any], answer: object) -> None:
    if not future.done():
        future.set_result(answer)
