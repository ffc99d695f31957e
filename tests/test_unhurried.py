"""What comes in many pieces is taken up in few goes, while nobody is in a hurry; nothing of it is lost by that."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from fix_jobs import connect
from fix_services import soon
from psycopg.pq import TransactionStatus

from pgjobs.engine.broker import batched_loop as unhurried
from pgjobs.engine.broker.batched_loop import Unhurried
from pgjobs.pg import connection as db

BIG = "select n, repeat('x', 10000) from generate_series(1, 2000) n"


class Loop:
    """Stands for an event loop; keeps who wants to read, and what is to be called later."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.later: list[tuple[float, Callable[[], None]]] = []

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        """Look at a descriptor."""
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> bool:
        """Look no more."""
        return self.readers.pop(fd, None) is not None

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """Note it."""
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


def test_answers_gather_for_a_pause(line: tuple[int, socket.socket]) -> None:
    """At leisure a read is followed by a pause in which nobody looks; in a hurry, or with more to read, by none."""
    fd, writer = line
    loop: Any = Loop()
    reads: list[str] = []
    leisure = False
    proxy = Unhurried(loop, lambda: leisure)
    proxy.add_reader(fd, reads.append, "read")
    assert 7.0 == proxy.time()

    loop.readers[fd]()
    assert ["read"] == reads
    assert fd in loop.readers
    assert [] == loop.later

    leisure = True
    loop.readers[fd]()
    assert ["read", "read"] == reads
    assert {} == loop.readers
    ((delay, look_again),) = loop.later
    assert unhurried.PAUSE == delay
    look_again()
    assert fd in loop.readers

    writer.send(b"more than was read at once")
    loop.readers[fd]()
    assert fd in loop.readers
    assert 1 == len(loop.later)


def test_who_looks_no_more_is_not_woken_after_the_pause(line: tuple[int, socket.socket]) -> None:
    """A connection that was closed in its pause, or by what it read, reads no more; nor does it for another one."""
    fd, _ = line
    loop: Any = Loop()
    proxy = Unhurried(loop, lambda: True)
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


def test_an_answer_is_the_same_taken_up_at_leisure(database: str) -> None:
    """Rows, errors, and an end of the hurry in between: all as without a pause."""

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            connection.unhurried = True
            rows = await (await connection.execute(BIG)).fetchall()
            assert [(n, "x" * 10_000) for n in range(1, 2001)] == rows
            with pytest.raises(psycopg.errors.DivisionByZero):
                await connection.execute("select repeat('x', 10000), 1 / (2000 - n) from generate_series(1, 2000) n")
            assert await connection.answers(60)

    asyncio.run(ask())


async def cancelled_in_a_pause(database: str, connection: db.Connection) -> None:
    """Cancel a query whose first rows have come, between two looks for more."""
    # Enough for a first packet, and little enough for the buffers between: nobody reads on meanwhile.
    sleeps = "select case n when 9 then pg_sleep(3600)::text else repeat('x', 5000) end from generate_series(1, 9) n"
    waits = (
        "select wait_event from pg_stat_activity where application_name = 'pgjobs test' and state = 'active'"
        " and datname = current_database()"
    )
    connection.unhurried = True
    asking = asyncio.create_task(connection.execute(sleeps))
    with connect(database) as other:
        assert await asyncio.to_thread(soon, lambda: other.value(waits) == "PgSleep")
    assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    connection.unhurried = False


def test_who_is_cancelled_in_a_pause_leaves_an_idle_connection(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query is broken off, what had come is dropped, and the connection serves the next run."""
    monkeypatch.setattr(db, "PAUSE", 3600)

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            await cancelled_in_a_pause(database, connection)
            assert TransactionStatus.IDLE == connection.info.transaction_status
            assert await connection.answers(60)

    asyncio.run(ask())


def test_who_is_cancelled_stays_cancelled_when_the_server_hears_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that can't be asked to break the query off is left, and the cancellation is not lost."""
    monkeypatch.setattr(db, "PAUSE", 3600)

    async def unheard(_self: object, **_: object) -> None:
        raise psycopg.OperationalError("nobody answers")

    monkeypatch.setattr(psycopg.AsyncConnection, "cancel_safe", unheard)

    async def ask() -> None:
        async with await db.connect(database, "test") as connection:
            await cancelled_in_a_pause(database, connection)
            assert not await connection.answers(60)

    asyncio.run(ask())
