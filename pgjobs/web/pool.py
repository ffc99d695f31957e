"""The connections of the web process to the database: few of them, every wait bounded, every failure a Problem.

A ready-made pool reconnects in the background and lets its callers wait. Here a request is refused at once while the
database is away, and the first request after its return is served.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from pgjobs.errors import SchemaError, one_line
from pgjobs.pg import connection as db
from pgjobs.web.errors import LATER, Problem
from pgjobs.web.exchange import ask
from pgjobs.web.problems import Unanswered, busy, in_doubt, lost, problem_of

logger = logging.getLogger(__name__)
T = TypeVar("T")

CONNECTIONS = 8
READING_CONNECTIONS = CONNECTIONS - 2
"""Lists, status and metrics share these; the others are kept for requests that change something, as a stop does."""
# Together less than the three seconds within which a caller is to know that the database is away.
QUEUE_SECONDS = 0.9
CONNECT_SECONDS = 2.0
PROBE_SECONDS = 1.0
STATEMENT_SECONDS = 5
TRUSTED_SECONDS = 0.5
"""A query that only reads uses a connection without a check if one was checked so lately."""


class Database:
    """At most CONNECTIONS connections, opened when they are needed and kept while they work."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._idle: list[db.Connection] = []
        self._any = asyncio.Semaphore(CONNECTIONS)
        self._reading = asyncio.Semaphore(READING_CONNECTIONS)
        self._abandoned: set[asyncio.Task[Any]] = set()
        self._away = False
        self._checked_at = float("-inf")

    async def value(self, call: str, *args: object, reading: bool = False) -> Any:
        """The single value that a query returns."""
        return (await self.rows(call, *args, reading=reading))[0][0]

    async def rows(self, call: str, *args: object, reading: bool = False) -> list[TupleRow]:
        """The rows that a query returns; raises a Problem where the database refuses or fails.

        `reading`: the query changes nothing, and leaves some connections to those that do.
        """
        trusting = reading and time.monotonic() - self._checked_at < TRUSTED_SECONDS
        try:
            return await self._ask(call, args, reading=reading, trusting=trusting)
        except TimeoutError:
            raise lost() from None
        except psycopg.Error as error:
            if not trusting or not db.must_reconnect(error):
                raise problem_of(error, reading=reading) from error
        # The connection was lost since; nothing was changed, so the query is asked again.
        self._checked_at = float("-inf")
        return await self.rows(call, *args, reading=reading)

    async def _ask(self, call: str, args: tuple[object, ...], *, reading: bool, trusting: bool) -> list[TupleRow]:
        turns = (self._reading, self._any) if reading else (self._any,)
        await _take(turns)
        try:
            connection = self._idle.pop() if trusting and self._idle else await self._connected()
            return await self._ask_on(connection, call, args)
        finally:
            for turn in turns:
                turn.release()

    async def _ask_on(self, connection: db.Connection, call: str, args: tuple[object, ...]) -> list[TupleRow]:
        """The connection is kept for the next query unless an error has left it in doubt."""
        doubtful = False
        try:
            return await ask(connection, call, args, STATEMENT_SECONDS + 1)
        except psycopg.Error as error:
            doubtful = in_doubt(error)
            raise
        finally:
            status = connection.pgconn.transaction_status
            if doubtful:
                # What this connection has met concerns all of them: the next queries open new ones.
                self._forget_idle()
            if status == TransactionStatus.ACTIVE:
                self._abandon(asyncio.create_task(_break_off(connection)))
            elif doubtful or connection.closed or status != TransactionStatus.IDLE:
                self._forget(connection)
            else:
                self._idle.append(connection)

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        for task in self._abandoned:
            task.cancel()
        while self._idle:
            await self._idle.pop().close()

    async def _connected(self) -> db.Connection:
        try:
            connection = await self._within(CONNECT_SECONDS, self._borrow())
        except SchemaError as error:
            raise Problem(503, "schema", error.sentence, error.hint, LATER) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise problem_of(error, reading=True) from error
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
                # What has happened to one connection has happened to all of them.
                self._forget(connection)
                self._forget_idle()
            except BaseException:
                self._forget(connection)
                raise
            else:
                self._checked_at = time.monotonic()
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
        """Wait for `work` so long at most; psycopg itself would also wait until its query is cancelled."""
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
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        """Forget an abandoned task; its error is looked at, so that asyncio does not report it as lost."""
        self._abandoned.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.debug("an abandoned query ended: %s", task.exception())


async def _take(turns: tuple[asyncio.Semaphore, ...]) -> None:
    """Take the right to use a connection, after a short wait; raises a Problem where too many others use theirs."""
    if not any(turn.locked() for turn in turns):
        for turn in turns:
            await turn.acquire()
        return
    taken = []
    try:
        async with asyncio.timeout(QUEUE_SECONDS):
            for turn in turns:
                await turn.acquire()
                taken.append(turn)
    except BaseException as error:
        for turn in taken:
            turn.release()
        if isinstance(error, TimeoutError):
            raise busy() from None
        raise


async def _break_off(connection: db.Connection) -> None:
    """Cancel the query that nobody waits for any more, and close its connection."""
    try:
        await connection.cancel_safe()
    finally:
        await connection.close()
