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

from pgjobs import db
from pgjobs.errors import SchemaError, refusal
from pgjobs.web.answers import Problem

logger = logging.getLogger(__name__)
T = TypeVar("T")

PLACES = 8
# Together less than the three seconds within which a caller is to know that the database is away.
PLACE_SECONDS = 0.9
CONNECT_SECONDS = 2.0
PROBE_SECONDS = 1.0
STATEMENT_SECONDS = 5
# Lock and statement timeouts, deadlocks, serialization: the server is there and has turned nothing over.
BUSY = ("55P03", "57014", "40P01", "40001")


class Unanswered(Problem):
    """The database is away, was lost in mid-call or is too busy; asking it again may help."""

    def __init__(self, code: str, sentence: str, hint: str) -> None:
        super().__init__(503, code, sentence, hint)


class Database:
    """At most a handful of connections, opened when they are needed and kept while they are good."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[db.Connection] = []
        self._places = asyncio.Semaphore(PLACES)
        self._abandoned: set[asyncio.Task[Any]] = set()
        self._away = False

    async def value(self, call: str, *args: object) -> Any:
        """The single value a function call answers with."""
        return (await self.rows(call, *args))[0][0]

    async def rows(self, call: str, *args: object) -> list[TupleRow]:
        """The rows a function call answers with; a refusal or a failure is a Problem."""
        async with self._lent() as connection:
            try:
                return await self._within(STATEMENT_SECONDS + 1, _fetch(connection, call, args))
            except TimeoutError:
                raise _lost() from None
            except psycopg.Error as error:
                raise _problem(error) from error

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        for task in self._abandoned:
            task.cancel()
        while self._idle:
            await self._idle.pop().close()

    @contextlib.asynccontextmanager
    async def _lent(self) -> AsyncIterator[db.Connection]:
        """A working connection; it comes back unless the call left it in doubt."""
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            connection = await self._connected()
            try:
                yield connection
            finally:
                idle = psycopg.pq.TransactionStatus.IDLE
                if connection.closed or connection.info.transaction_status != idle:
                    self._forget(connection)
                else:
                    self._idle.append(connection)
        finally:
            self._places.release()

    async def _connected(self) -> db.Connection:
        try:
            connection = await self._within(CONNECT_SECONDS, self._borrow())
        except SchemaError as error:
            raise Problem(503, "schema", error.sentence, error.hint) from error
        except (TimeoutError, psycopg.OperationalError, OSError) as error:
            if not self._away:
                reason = str(error).strip() or "no answer in time"
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
                await self._within(PROBE_SECONDS, _fetch(connection, "select pgjobs.now()", ()))
            except (TimeoutError, psycopg.Error):
                # What happened to one has happened to all of them.
                for lost in (connection, *self._idle):
                    self._forget(lost)
                self._idle.clear()
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


def _problem(error: psycopg.Error) -> Problem:
    refused = refusal(error)
    if refused is not None and error.sqlstate is not None:
        sentence, code, hint = refused
        return Problem(int(error.sqlstate[2:]), code, sentence, hint)
    logger.error("a call failed with %s: %s", error.sqlstate, str(error).strip())
    if error.sqlstate in BUSY:
        return _busy()
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return Problem(503, "read_only", "the database is read-only", "point PGJOBS_DATABASE_URL at the primary")
    if isinstance(error, psycopg.OperationalError):
        return _lost()
    return Problem(500, "internal", "the service failed with this call", "look into the log of pgjobs web")


def _busy() -> Problem:
    return Unanswered("database_busy", "the database is too busy for this call", "nothing was changed: try again")


def _lost() -> Problem:
    return Unanswered(
        "database_lost",
        "the database went away in the middle of the call, which may or may not have been done",
        "look at /jobs/status before you repeat it",
    )
