"""The only place that opens connections to PostgreSQL: it sets up the session and limits every wait for the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import time
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

from pgjobs.errors import SchemaError
from pgjobs.pg import session
from pgjobs.pg.conninfo import check_url, redacted
from pgjobs.pg.notices import log_notice
from pgjobs.pg.sqlstates import hidden_rows, must_reconnect, passes_by_itself
from pgjobs.pg.versions import State

__all__ = [
    "Connection",
    "check_schema",
    "check_url",
    "connect",
    "hidden_rows",
    "must_reconnect",
    "passes_by_itself",
    "redacted",
    "value",
]
CANCEL_SECONDS = 1.0
"""Seconds to wait for the server to cancel a query; after that the connection is given up."""
BATCH_PAUSE = 0.01
"""Seconds between two reads of a result that nobody is waiting for."""
READ_SECONDS = 0.005
"""Maximum seconds of one read, because the event loop does nothing else meanwhile."""


class BatchedRead:
    """Drives a generator of psycopg, which reads one result from the socket, in as many steps as the caller wants.

    Being woken for each packet costs more than reading it. A caller that pauses between two steps finds many packets
    in the socket and pays for one wake-up.
    """

    def __init__(self, gen: PQGen[Any], descriptor: int) -> None:
        self.complete = False
        self.result: Any = None
        self._gen = gen
        self._waits_for: Wait | None = None
        self._socket = select.poll()
        self._socket.register(descriptor, select.POLLIN)

    def step(self, *, to_the_end: bool = False) -> PQGen[None]:
        """Wait until the socket is ready and read what has arrived, for READ_SECONDS at most."""
        try:
            if self._waits_for is None:
                self._waits_for = next(self._gen)
            while True:
                ready = yield self._waits_for
                self._waits_for = self._gen.send(ready)
                read_until = time.monotonic() + READ_SECONDS
                while self._waits_for == Wait.R and self._socket.poll(0) and time.monotonic() < read_until:
                    self._waits_for = self._gen.send(Ready.R)
                # Nothing is ready if psycopg's wait timed out, or if it resumes the generator after a cancellation.
                if ready and not to_the_end:
                    return
        except StopIteration as end:
            self.complete, self.result = True, end.value


class Connection(psycopg.AsyncConnection[TupleRow]):
    """A connection that waits for one result of the server at most `patience` seconds.

    A connection that the network has lost reports no error, and a proxy may still answer keepalives for a lost server.
    Therefore a timer shuts the socket down, and the wait ends as if the server had closed the connection.
    """

    patience: float | None = None
    batched = False
    """Whether results are read in batches, with pauses: for a result that is fetched ahead and not yet awaited."""
    _waits = 0

    async def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for the server."""
        self._waits += 1
        timer = None
        if self.patience is not None:
            timer = asyncio.get_running_loop().call_later(self.patience, self._shut_down)
        try:
            return await (self._wait_batched(gen) if self.batched else super().wait(gen, *args, **kwargs))
        finally:
            if timer is not None:
                timer.cancel()

    async def _wait_batched(self, gen: PQGen[Any]) -> Any:
        read = BatchedRead(gen, self.pgconn.socket)
        try:
            while not read.complete:
                await super().wait(read.step())
                if self.batched and not read.complete:
                    await asyncio.sleep(BATCH_PAUSE)
        except asyncio.CancelledError:
            # psycopg cancels the query when its own wait is cancelled, but not when the pause between two waits is.
            if self.info.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):
                    await self.cancel_safe()
                with contextlib.suppress(psycopg.Error):
                    await super().wait(read.step(to_the_end=True))
            raise
        return read.result

    async def cancel_safe(self, *, timeout: float = CANCEL_SECONDS) -> None:  # noqa: ASYNC109 psycopg's own signature
        """Ask the server to cancel the running query; if it does not react in time, shut the connection down."""
        wait = self._waits

        def give_up() -> None:
            if self._waits == wait and self.info.transaction_status == TransactionStatus.ACTIVE:
                self._shut_down()

        asyncio.get_running_loop().call_later(CANCEL_SECONDS, give_up)
        await super().cancel_safe(timeout=min(timeout, CANCEL_SECONDS))

    async def answers(self, seconds: float) -> bool:
        """Whether the server answers a query on this connection within so many seconds."""
        usual, self.patience = self.patience, seconds
        try:
            await self.execute("select 1")
        except (psycopg.Error, OSError):
            return False
        finally:
            self.patience = usual
        return True

    def _shut_down(self) -> None:
        with (
            contextlib.suppress(OSError, psycopg.OperationalError),
            # A duplicate of the descriptor: closing it leaves libpq's own descriptor open.
            socket.socket(fileno=os.dup(self.pgconn.socket)) as sock,
        ):
            sock.shutdown(socket.SHUT_RDWR)


async def connect(
    url: str, role: str, *, autocommit: bool = True, patience: float | None = None, **options: str
) -> Connection:
    """Open a connection; `role` becomes part of its application_name, `options` are server settings of its session.

    `patience`: maximum seconds to wait for one result; None: no limit.
    """
    opening = session.Opening(url, role, patience, options)
    while True:
        try:
            connection = await Connection.connect(opening.conninfo, autocommit=autocommit, prepare_threshold=None)
        except psycopg.OperationalError as error:
            if not opening.refused(error):
                raise
            continue
        connection.patience = patience
        connection.add_notice_handler(log_notice)
        try:
            if not opening.outdated(connection.info):
                await _set_the_rest(connection, opening)
                return connection
        except BaseException:
            await connection.close()
            raise
        await connection.close()


async def _set_the_rest(connection: Connection, opening: session.Opening) -> None:
    if rest := opening.rest(connection.info):
        await connection.execute(*rest)
        if not connection.autocommit:
            await connection.commit()


async def value(connection: Connection, call: str, *args: object) -> Any:
    """The single value that a query returns, or None if it returns no row."""
    cursor = await connection.execute(call, args)
    row = await cursor.fetchone()
    return row[0] if row else None


async def check_schema(connection: Connection) -> State:
    """What the database says of its schema; SchemaError unless this version of pgjobs may work with it."""
    try:
        asked = await connection.execute("select version, compatible_from, fingerprint from pgjobs.schema_state")
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        raise SchemaError("the database has no pgjobs schema") from None
    row = await asked.fetchone()
    if row is None:
        raise SchemaError("the database has no pgjobs schema")
    state = State(*row)
    state.check()
    return state
