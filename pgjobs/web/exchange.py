"""One query and its answer, on a connection of psycopg that nobody else uses meanwhile.

A cursor of psycopg can do more than a call of a function needs: with its lock, its generators and a task to bound the
wait it takes the processor for several times as long as the query itself. Here the query is sent by libpq, one reader
waits for the socket, and psycopg's adapters turn arguments and rows into what they are anywhere else.
"""

from __future__ import annotations

import asyncio
import functools

import psycopg
from psycopg import errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow


async def ask(
    connection: psycopg.AsyncConnection[TupleRow], call: str, args: tuple[object, ...], seconds: float
) -> list[TupleRow]:
    """The rows of one statement, whose arguments are written as %s.

    Raises what psycopg would, and TimeoutError after so many seconds. After that, and where the caller is cancelled,
    the query is still under way, and the connection can only be given up.
    """
    adapter = Transformer(connection)
    params = adapter.dump_sequence(args, [PyFormat.AUTO] * len(args))
    pgconn = connection.pgconn
    pgconn.send_query_params(_numbered(call), params, adapter.types, adapter.formats)
    result = (await _Answer(pgconn).results(seconds))[-1]
    if result.status != ExecStatus.TUPLES_OK:
        raise errors.error_from_result(result, connection.info.encoding)
    adapter.set_pgresult(result)
    return adapter.load_rows(0, result.ntuples, tuple)


class _Answer:
    """What the server answers to the query that was just sent."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._loop = asyncio.get_running_loop()
        self._whole: asyncio.Future[None] = self._loop.create_future()
        self._results: list[PGresult] = []
        self._sending = False

    async def results(self, seconds: float) -> list[PGresult]:
        """All of it, once it is there."""
        descriptor = self._pgconn.socket
        timer = self._loop.call_later(seconds, self._end, TimeoutError())
        self._loop.add_reader(descriptor, self._move)
        try:
            if self._pgconn.flush():
                self._sending = True
                self._loop.add_writer(descriptor, self._move)
            await self._whole
        finally:
            timer.cancel()
            self._loop.remove_reader(descriptor)
            if self._sending:
                self._loop.remove_writer(descriptor)
        return self._results

    def _move(self) -> None:
        """Send and read what the socket takes and has."""
        try:
            if self._sending and self._pgconn.flush() == 0:
                self._sending = False
                self._loop.remove_writer(self._pgconn.socket)
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    self._end()
                    break
                self._results.append(result)
        except psycopg.Error as error:
            # Why the server has ended the connection says more than that it is gone.
            self._end(None if self._results else error)

    def _end(self, error: Exception | None = None) -> None:
        if self._whole.done():
            return
        if error is None:
            self._whole.set_result(None)
        else:
            self._whole.set_exception(error)


@functools.cache
def _numbered(call: str) -> bytes:
    """A statement as the server reads it: %s is $1, $2 and so on. All of them are constants of this program."""
    first, *others = call.split("%s")
    return (first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))).encode()
