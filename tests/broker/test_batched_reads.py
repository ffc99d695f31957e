"""What arrives in many packets is read in few batches while nobody is waiting for it, and nothing is lost."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from fix_jobs import connect
from fix_services import soon
from psycopg.pq import TransactionStatus

from pgjobs.broker.batched_loop import BATCH_PAUSE, BatchedLoop
from pgjobs.pg import connection as db

BIG = "select n, repeat('x', 10000) from generate_series(1, 2000) n"


class Loop:
    """Stands for an event loop; keeps who wants to read, and what is to be called later."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.later: list[tuple[float, Callable[[], None]]] = []

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Watch a descriptor."""
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> bool:
        """Stop watching it."""
        return self.readers.pop(fd, None) is not None

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """Store what is to be called."""
        self.later.append((delay, callback))

    def time(self) -> float:
        """Any other method of a loop."""
        return 7.0


@pytest.fixture
def line() -> Iterator[tuple[int, socket.socket]]:
    """A descriptor, and who writes to it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours.fileno(), theirs


def test_the_loop_pauses_after_a_read(line: tuple[int, socket.socket]) -> None:
    """After a read the socket is not watched for a pause; there is no pause if it is forbidden or more can be read."""
    fd, writer = line
    loop: Any = Loop()
    reads: list[str] = []
    may_pause = False
    proxy = BatchedLoop(loop, lambda: may_pause)
    proxy.add_reader(fd, reads.append, "read")
    assert 7.0 == proxy.time()

    loop.readers[fd]()
    assert ["read"] == reads
    assert fd in loop.readers
    assert [] == loop.later

    may_pause = True
    loop.readers[fd]()
    assert ["read", "read"] == reads
    assert {} == loop.readers
    ((delay, watch_again),) = loop.later
    assert BATCH_PAUSE == delay
    watch_again()
    assert fd in loop.readers

    writer.send(b"more than was read at once")
    loop.readers[fd]()
    assert fd in loop.readers
    assert 1 == len(loop.later)


def test_a_removed_reader_is_not_watched_after_the_pause(line: tuple[int, socket.socket]) -> None:
    """A reader removed during its pause, or by its own callback, stays removed, and does not replace a later one."""
    fd, _ = line
    loop: Any = Loop()
    proxy = BatchedLoop(loop, lambda: True)
    proxy.add_reader(fd, lambda: None)
    loop.readers[fd]()
    assert proxy.remove_reader(fd)
    assert not proxy.remove_reader(fd)
    loop.later.pop()[1]()
    assert {} == loop.readers

    proxy.add_reader(fd, lambda: proxy.remove_reader(fd))
    loop.readers[fd]()
    assert {} == loop.readers
    assert [] == loop.later

    proxy.add_reader(fd, lambda: None)
    loop.readers[fd]()
    proxy.add_reader(fd, lambda: None)
    second = loop.readers[fd]
    loop.later.pop()[1]()
    assert second is loop.readers[fd]


def test_a_batched_result_is_the_same(database: str) -> None:
    """Rows and errors are the same as without pauses, and the connection can be used afterwards."""

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            connection.batched = True
            rows = await (await connection.execute(BIG)).fetchall()
            assert [(n, "x" * 10_000) for n in range(1, 2001)] == rows
            with pytest.raises(psycopg.errors.DivisionByZero):
                await connection.execute("select repeat('x', 10000), 1 / (2000 - n) from generate_series(1, 2000) n")
            assert await connection.answers(60)

    asyncio.run(ask())


async def cancelled_in_a_pause(database: str, connection: db.Connection) -> None:
    """Cancel a query whose first rows have arrived, between two reads."""
    # Enough for a first packet, and little enough to fit into the socket buffers: nothing is read meanwhile.
    sleeps = "select case n when 9 then pg_sleep(3600)::text else repeat('x', 5000) end from generate_series(1, 9) n"
    waits = (
        "select wait_event from pg_stat_activity where application_name = 'pgjobs test' and state = 'active'"
        " and datname = current_database()"
    )
    connection.batched = True
    asking = asyncio.create_task(connection.execute(sleeps))
    with connect(database) as other:
        assert await asyncio.to_thread(soon, lambda: other.column(waits) == ["PgSleep"])
    assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    connection.batched = False


def test_a_cancellation_in_a_pause_leaves_an_idle_connection(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query is cancelled, the rows that had arrived are dropped, and the connection can be used again."""
    monkeypatch.setattr(db, "BATCH_PAUSE", 3600)

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            await cancelled_in_a_pause(database, connection)
            assert TransactionStatus.IDLE == connection.info.transaction_status
            assert await connection.answers(60)

    asyncio.run(ask())


def test_a_cancellation_is_not_lost_if_the_server_cannot_be_asked_to_cancel(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the server can't be asked to cancel the query, the connection is given up and the task is still cancelled."""
    monkeypatch.setattr(db, "BATCH_PAUSE", 3600)

    async def refuses_to_cancel(_self: object, **_: object) -> None:
        raise psycopg.OperationalError("nobody answers")

    monkeypatch.setattr(psycopg.AsyncConnection, "cancel_safe", refuses_to_cancel)

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            await cancelled_in_a_pause(database, connection)
            assert not await connection.answers(60)

    asyncio.run(ask())
