"""The few connections on which a daemon asks for everything that is short: one is held for one statement only.

However many shards run, they need no more of them. A statement that meets somebody else's lock gives its connection
back after a second; those that try again have one connection between them, so that the others go on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from pgjobs.engine.idle import Idle
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

MOST = 4
"""Connections; enough to keep a server busy with statements of a millisecond."""
ASK_SECONDS = 2.0
"""Seconds that the database has to answer on a connection that has been idle."""
FRESH_SECONDS = 1.0
"""A connection that was idle for no longer is used without asking whether the database still answers on it."""
RECONNECT_INTERVAL = 1.0
"""Minimum seconds between connection attempts to a database that is away, for all control statements together."""
LOCK_ATTEMPTS = 5
"""So often a second is waited for a lock before the statement fails."""

Row = tuple[Any, ...] | None


async def usable(connection: db.Connection, idle: float) -> bool:
    """Whether a connection can be used after it was idle for so many seconds; one that can't is closed."""
    answers = False
    try:
        answers = not connection.closed and (idle < FRESH_SECONDS or await connection.answers(ASK_SECONDS))
    finally:
        if not answers:
            await connection.close()
    return answers


class Control:
    """Short statements, each of which commits by itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: Idle[db.Connection] = Idle()
        self._places = asyncio.Semaphore(MOST)
        self._for_the_locked = asyncio.Semaphore(1)
        self._connecting = asyncio.Lock()
        self._failed: tuple[float, Exception] | None = None

    async def row(self, call: str | bytes, arguments: Sequence[Any] | Mapping[str, Any] = ()) -> Row:
        """The first row that a statement answers with, if there is one."""
        try:
            return await self._ask(call, arguments)
        except psycopg.errors.LockNotAvailable:
            for _ in range(LOCK_ATTEMPTS - 2):
                with contextlib.suppress(psycopg.errors.LockNotAvailable):
                    return await self._ask_again(call, arguments)
            return await self._ask_again(call, arguments)

    async def _ask_again(self, call: str | bytes, arguments: Sequence[Any] | Mapping[str, Any]) -> Row:
        async with self._for_the_locked:
            return await self._ask(call, arguments)

    async def _ask(self, call: str | bytes, arguments: Sequence[Any] | Mapping[str, Any]) -> Row:
        async with self.connection() as connection:
            cursor = await connection.execute(call, arguments)
            return await cursor.fetchone() if cursor.description else None

    async def value(self, call: str | bytes, *arguments: object) -> Any:
        """The single value that a statement answers with, or None without a row."""
        row = await self.row(call, arguments)
        return row[0] if row else None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[db.Connection]:
        """A connection for one short statement."""
        async with self._places:
            connection = await self._take()
            try:
                yield connection
            finally:
                await self._give_back(connection)

    async def shrink(self, seconds: float) -> None:
        """Close what nobody has needed for so long; one is kept, so that the next job starts without a handshake."""
        for connection in self._idle.take_unused(seconds, but=1):
            await connection.close()

    async def close(self) -> None:
        """Close everything that is idle."""
        for connection in self._idle.take_unused(0):
            await connection.close()

    async def _take(self) -> db.Connection:
        while found := self._idle.take():
            if await usable(*found):
                return found[0]
        async with self._connecting:
            if self._failed and time.monotonic() < self._failed[0] + RECONNECT_INTERVAL:
                raise self._failed[1]
            try:
                connection = await self._open()
            except (psycopg.Error, OSError) as error:
                self._failed = time.monotonic(), error
                raise
            self._failed = None
            return connection

    async def _open(self) -> db.Connection:
        settings = self._settings
        return await db.connect(
            settings.database_url,
            "control",
            patience=min(settings.stall_seconds, settings.lease_seconds),
            lock_timeout="1s",
            idle_in_transaction_session_timeout="5s",
        )

    async def _give_back(self, connection: db.Connection) -> None:
        if not connection.closed and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self._idle.put(connection)
            return
        await connection.close()
        # Whatever has ended this one may have ended the others as well.
        await self.close()
