"""A connection to RabbitMQ as all our channels use it: connected within bounds, blocked by an alarm, lost, or closed.

A broker alarm (`blocked`) is a state, not an error. Whatever else ends the connection or one of its channels is either
a configuration error, which names the missing thing, or an interruption, after which the caller starts over.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pika
from pika import exceptions
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.adapters.utils.connection_workflow import AMQPConnectorException

from pgjobs import failpoints as faults
from pgjobs.broker.batched_loop import BatchedLoop
from pgjobs.errors import ConfigurationError, Interrupted
from pgjobs.metrics import Metrics

CLOSE_SECONDS = 2.0
"""So long the broker has to answer that a connection is closed."""
MISCONFIGURED = {403, 406}
MISSING = re.compile(r"NOT_FOUND - no |(?!NOT_FOUND)").match
"""What is not there at all; of a queue that is there but away the broker says where its home node is, or what it waits
for."""
NOT_FOUND = 404


class BrokerConnection:
    """One connection; `busy` says whether so much is under way that frames are better read in batches."""

    def __init__(self, metrics: Metrics, stall_seconds: float, busy: Callable[[], bool] = lambda: False) -> None:
        self.blocked_since: float | None = None
        self.blocked_reason = ""
        self.unblocked_at = 0.0
        self.alarm_changed: Callable[[], None] = lambda: None
        self.stall_seconds = stall_seconds
        self.lost: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self.raw: Any = None
        self._loop = BatchedLoop(asyncio.get_running_loop(), busy)
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._metrics = metrics
        self._unneeded = False

    async def open(self, url: str, name: str, set_up: Callable[[], Awaitable[None]]) -> None:
        """Connect and set the channels up; Interrupted when the broker can't be reached."""
        try:
            async with asyncio.timeout(self.stall_seconds):
                faults.fail("connect")
                await self._open(url, name)
                await set_up()
        except BaseException as error:
            await self._give_up()
            if isinstance(error, exceptions.AMQPError | AMQPConnectorException | OSError):
                raise Interrupted(f"broker unreachable: {words(error)}") from error
            raise

    async def _open(self, url: str, name: str) -> None:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 10
        parameters.blocked_connection_timeout = None
        parameters.connection_attempts = 1
        parameters.client_properties = {"connection_name": name, "product": "pgjobs"}
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def not_opened(_connection: Any, error: BaseException) -> None:
            answer(self._closed, None)
            fail(opened, error)

        def closed(_connection: Any, error: BaseException) -> None:
            answer(self._closed, None)
            self.lose(error)

        self.raw = AsyncioConnection(
            parameters,
            custom_ioloop=self._loop,
            on_open_callback=lambda connection: answer(opened, connection),
            on_open_error_callback=not_opened,
            on_close_callback=closed,
        )
        await opened
        self.raw.add_on_connection_blocked_callback(self._on_blocked)
        self.raw.add_on_connection_unblocked_callback(self._on_unblocked)

    @property
    def frame_max(self) -> int:
        """The most bytes of one frame."""
        return int(self.raw.params.frame_max)

    @property
    def properties(self) -> dict[str, Any]:
        """What the broker says of itself."""
        return self.raw.server_properties or {}

    async def open_channel(self, lost: Callable[[], Exception] | None = None) -> Any:
        """A further channel."""
        opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.raw.channel(on_open_callback=lambda channel: answer(opened, channel))
        return await self.or_lost(opened, lost)

    async def or_lost(self, future: asyncio.Future[Any], lost: Callable[[], Exception] | None = None) -> Any:
        """What a future comes to; if the connection is lost first, `lost` says what that means."""
        await asyncio.wait((future, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            error = (lost or self.lost_error)()
            raise error
        return future.result()

    def write(self, data: bytes) -> None:
        """Send frames that are ready."""
        write_joined(self.raw, data)

    def lose(self, error: BaseException) -> None:
        """It is over, or one of its channels is, and nothing more can be done on it."""
        if not self.lost.done():
            self.lost.set_result(error)
            if self.blocked_since is not None:
                self.alarm_changed()
            if self._unneeded:
                return
            self._metrics.broker_reconnects.labels(reason=type(error).__name__).inc()

    def lost_error(self) -> Exception:
        """What ended it, as an error of ours."""
        error = self.lost.result()
        if isinstance(error, exceptions.ChannelClosedByBroker) and misconfigured(error.reply_code, error.reply_text):
            return ConfigurationError(f"the broker closed the channel: {error.reply_code} {error.reply_text}")
        return Interrupted(f"the broker is gone: {words(error)}")

    def close(self, *, drop: bool = False) -> None:
        """Begin to close; `drop`: it is given up, without sending what is buffered; else nobody needs it any more."""
        if self.raw is None:
            return
        self._unneeded = not drop
        if drop or self.blocked_since is not None:
            abort(self.raw)
        elif not self.raw.is_closing and not self.raw.is_closed:
            # One that is still being opened is given up as well.
            self.raw.close()

    async def wait_closed(self) -> None:
        """Wait until its socket is closed; if the broker does not answer, or nobody waits any more, it is dropped."""
        if self.raw is None:
            return
        try:
            await asyncio.wait((self._closed,), timeout=CLOSE_SECONDS)
        finally:
            if not self._closed.done():
                abort(self.raw)
        # pika closes a socket in the next round of the loop.
        await asyncio.wait((self._closed,), timeout=CLOSE_SECONDS)

    async def _give_up(self) -> None:
        """End one that could not be opened completely."""
        self._unneeded = True
        if self.raw is None:
            return
        try:
            if self._loop.answered:
                # Aborted before it has been told of the address, pika would go on with the socket all the same.
                await asyncio.sleep(0)
        finally:
            abort(self.raw)
        await self.wait_closed()

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked_since = time.monotonic()
        self.blocked_reason = frame.method.reason
        self.alarm_changed()

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.blocked_since = None
        self.unblocked_at = time.monotonic()
        self.alarm_changed()


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
    if not (connection.is_open or connection.is_closing or connection.is_closed):
        # It is being opened, and close() drops it.
        connection.close()
    elif connection._transport is not None:  # noqa: SLF001 pika's public close() flushes what is buffered
        connection._terminate_stream(exceptions.ConnectionClosedByClient(0, "given up"))  # noqa: SLF001 the same


def answer(future: asyncio.Future[Any], result: Any) -> None:
    """Give a future its result, unless it has one."""
    if not future.done():
        future.set_result(result)


def fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Give a future its error, unless it has a result."""
    if not future.done():
        future.set_exception(error)


def words(error: BaseException) -> str:
    """The innermost of the errors that pika has wrapped into each other, in its own words."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        wrapped = getattr(error, "exceptions", None) or [
            getattr(error, "exception", None) or next(iter(error.args), None)
        ]
        inner = wrapped[-1]
    return str(error).strip() or type(error).__name__
