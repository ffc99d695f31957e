"""Connections to PostgreSQL, all made here: each states its session, and never waits for a lost peer for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import time
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

from pgjobs.errors import SchemaError
from pgjobs.pg import schema, session
from pgjobs.pg.conninfo import check_url, redacted
from pgjobs.pg.sqlstates import hidden_rows, must_reconnect, passes_by_itself

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
PAUSE = 0.01
"""Seconds between two looks for more of a long answer, while nobody is in a hurry for it."""
BUSY = 0.005
"""Seconds spent at most on one look, for everything else of the daemon waits meanwhile."""


class Answer:
    """An answer of the server that psycopg's generator takes up, in as many goes as the caller likes."""

    def __init__(self, gen: PQGen[Any], descriptor: int) -> None:
        self.whole = False
        self.result: Any = None
        self._gen = gen
        self._waits_for: Wait | None = None
        self._line = select.poll()
        self._line.register(descriptor, select.POLLIN)

    def take_up(self, *, to_the_end: bool = False) -> PQGen[None]:
        """Wait until something has come, and take up what there is; not for longer than BUSY."""
        try:
            if self._waits_for is None:
                self._waits_for = next(self._gen)
            while True:
                ready = yield self._waits_for
                self._waits_for = self._gen.send(ready)
                others_wait = time.monotonic() + BUSY
                while self._waits_for == Wait.R and self._line.poll(0) and time.monotonic() < others_wait:
                    self._waits_for = self._gen.send(Ready.R)
                # Nothing is ready where psycopg only looked about, or was cancelled and waits for the rest.
                if ready and not to_the_end:
                    return
        except StopIteration as end:
            self.whole, self.result = True, end.value


class Connection(psycopg.AsyncConnection[TupleRow]):
    """A connection that never waits longer than its patience for one answer of the server.

    A network that forgot a connection gives no error, and behind a proxy keepalives are answered: whoever waits too
    long shuts the socket down, and the wait ends as if the server had gone away.
    """

    patience: float | None = None
    unhurried = False
    """Whether a long answer may be taken up in a few pieces: to be woken for each packet costs more than reading it."""
    _waits = 0

    async def wait(self, gen: PQGen[Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for the server."""
        self._waits += 1
        timer = None
        if self.patience is not None:
            timer = asyncio.get_running_loop().call_later(self.patience, self._shut_down)
        try:
            return await (self._gather(gen) if self.unhurried else super().wait(gen, *args, **kwargs))
        finally:
            if timer is not None:
                timer.cancel()

    async def _gather(self, gen: PQGen[Any]) -> Any:
        answer = Answer(gen, self.pgconn.socket)
        try:
            while not answer.whole:
                await super().wait(answer.take_up())
                if self.unhurried and not answer.whole:
                    await asyncio.sleep(PAUSE)
        except asyncio.CancelledError:
            # psycopg sees to a query that is cancelled while it waits; here it was cancelled between two waits.
            if self.info.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):
                    await self.cancel_safe()
                with contextlib.suppress(psycopg.Error):
                    await super().wait(answer.take_up(to_the_end=True))
            raise
        return answer.result

    async def cancel_safe(self, *, timeout: float = CANCEL_SECONDS) -> None:  # noqa: ASYNC109 psycopg's own signature
        """Ask the server to break off what it does; where it does not listen, the wait ends with the connection."""
        wait = self._waits

        def give_up() -> None:
            if self._waits == wait and self.info.transaction_status == TransactionStatus.ACTIVE:
                self._shut_down()

        asyncio.get_running_loop().call_later(CANCEL_SECONDS, give_up)
        await super().cancel_safe(timeout=min(timeout, CANCEL_SECONDS))

    async def answers(self, seconds: float) -> bool:
        """Whether the server still answers on it, asked with so much patience."""
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
            # A copy of the descriptor: closing it leaves libpq's own open.
            socket.socket(fileno=os.dup(self.pgconn.socket)) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)


async def connect(
    url: str, role: str, *, autocommit: bool = True, patience: float | None = None, **options: str
) -> Connection:
    """Open a connection that says what it is for (`role`); `options` are server settings of its session.

    `patience`: so many seconds one answer may take; None: for ever.
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
        try:
            if not opening.outdated(connection.info):
                await _state_the_rest(connection, opening)
                return connection
        except BaseException:
            await connection.close()
            raise
        await connection.close()


async def _state_the_rest(connection: Connection, opening: session.Opening) -> None:
    if rest := opening.rest(connection.info):
        await connection.execute(*rest)
        if not connection.autocommit:
            await connection.commit()


async def value(connection: Connection, call: str, *args: object) -> Any:
    """The single value a function call answers with, or None where it answers with no row."""
    cursor = await connection.execute(call, args)
    row = await cursor.fetchone()
    return row[0] if row else None


async def check_schema(connection: Connection) -> None:
    """Refuse to work on a database whose functions are not those of this version."""
    known = await value(connection, "select to_regclass('pgjobs.schema_state') is not null")
    found = (await value(connection, "select fingerprint from pgjobs.schema_state")) if known else None
    if found != schema.fingerprint():
        state = "has no pgjobs schema" if found is None else "was migrated by another version of pgjobs"
        raise SchemaError(f"the database {state}")
