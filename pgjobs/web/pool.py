"""The database as the doors see it: a few connections, every wait bounded, every failure an answer.

A ready-made pool retries in the background and lets its callers wait; here a call is told at once when the
database is away, and the first call after its return is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg.rows import TupleRow

from pgjobs.errors import SchemaError, one_line
from pgjobs.pg import connection as db
from pgjobs.web.errors import Problem
from pgjobs.web.problems import Unanswered, busy, in_doubt, lost, problem_of

logger = logging.getLogger(__name__)
T = TypeVar("T")

PLACES = 8
READING_PLACES = PLACES - 2
"""Lists, status and metrics share these; the others are always free for whoever wants to stop a job."""
# Together less than the three seconds within which a caller is to know that the database is away.
PLACE_SECONDS = 0.9
CONNECT_SECONDS = 2.0
PROBE_SECONDS = 1.0
STATEMENT_SECONDS = 5


class Database:
    """At most a handful of connections, opened when they are needed and kept while they are good."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[db.Connection] = []
        self._places = asyncio.Semaphore(PLACES)
        self._reading = asyncio.Semaphore(READING_PLACES)
        self._abandoned: set[asyncio.Task[Any]] = set()
        self._away = False

    async def value(self, call: str, *args: object, reading: bool = False) -> Any:
        """The single value a function call answers with."""
        return (await self.rows(call, *args, reading=reading))[0][0]

    async def rows(self, call: str, *args: object, reading: bool = False) -> list[TupleRow]:
        """The rows a function call answers with; a refusal or a failure is a Problem.

        A call that is only `reading` leaves places free for those that change something.
        """
        try:
            async with self._lent(reading=reading) as connection:
                return await self._within(STATEMENT_SECONDS + 1, _fetch(connection, call, args))
        except TimeoutError:
            raise lost() from None
        except psycopg.Error as error:
            raise problem_of(error, reading=reading) from error

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        for task in self._abandoned:
            task.cancel()
        while self._idle:
            await self._idle.pop().close()

    @contextlib.asynccontextmanager
    async def _lent(self, *, reading: bool) -> AsyncIterator[db.Connection]:
        """A working connection; it comes back unless the call left it in doubt."""
        async with self._place(reading=reading):
            connection = await self._connected()
            doubtful = False
            try:
                yield connection
            except psycopg.Error as error:
                doubtful = in_doubt(error)
                raise
            finally:
                idle = psycopg.pq.TransactionStatus.IDLE
                if doubtful:
                    # What one connection met, the world has changed for all: the next call looks at it anew.
                    self._forget_idle()
                if doubtful or connection.closed or connection.info.transaction_status != idle:
                    self._forget(connection)
                else:
                    self._idle.append(connection)

    @contextlib.asynccontextmanager
    async def _place(self, *, reading: bool) -> AsyncIterator[None]:
        """One of the places, after a short wait at most; a call that only reads needs one of those for reading too."""
        async with contextlib.AsyncExitStack() as places:
            try:
                async with asyncio.timeout(PLACE_SECONDS):
                    if reading:
                        await places.enter_async_context(self._reading)
                    await places.enter_async_context(self._places)
            except TimeoutError:
                raise busy() from None
            yield

    async def _connected(self) -> db.Connection:
        try:
            connection = await self._within(CONNECT_SECONDS, self._borrow())
        except SchemaError as error:
            raise Problem(503, "schema", error.sentence, error.hint) from error
        except (TimeoutError, psycopg.Error, OSError) as error:
            if not self._away:
                reason = "no answer in time" if isinstance(error, TimeoutError) else one_line(error)
                logger.warning("the database cannot be reached: %s", reason)
            self._away = True
            hint = "try again: the service returns with it"
            raise Unanswered("database_away", "the database does not answer", hint) from error
        if self._away:
            logger.info("the database answers again")
        self._away = False
        return connection

    async def _borrow(self) -> db.Connection:
        while self._idle:
            connection = self._idle.pop()
            try:
                await self._within(PROBE_SECONDS, db.check_schema(connection))
            except (TimeoutError, psycopg.Error):
                # What happened to one has happened to all of them.
                self._forget(connection)
                self._forget_idle()
            except BaseException:
                self._forget(connection)
                raise
            else:
                return connection
        return await self._open()

    async def _open(self) -> db.Connection:
        connection = await db.connect(self._url, "web", statement_timeout=f"{STATEMENT_SECONDS}s")
        try:
            await db.check_schema(connection)
        except BaseException:
            self._forget(connection)
            raise
        return connection

    def _forget_idle(self) -> None:
        while self._idle:
            self._forget(self._idle.pop())

    def _forget(self, connection: db.Connection) -> None:
        self._abandon(asyncio.create_task(connection.close()))

    async def _within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work` no longer than that; psycopg itself would stay to see its query cancelled."""
        task = asyncio.create_task(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            self._abandon(task)
            task.cancel()
            raise
        if not done:
            self._abandon(task)
            task.cancel()
            raise TimeoutError
        return task.result()

    def _abandon(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.add(task)
        task.add_done_callback(self._bury)

    def _bury(self, task: asyncio.Task[Any]) -> None:
        self._abandoned.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.debug("an abandoned call ended: %s", task.exception())


async def _fetch(connection: db.Connection, call: str, args: tuple[object, ...]) -> list[TupleRow]:
    cursor = await connection.execute(call, args)
    return await cursor.fetchall()
