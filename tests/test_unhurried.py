"""What comes in many pieces is taken up in few goes, while nobody is in a hurry; nothing of it is lost by that."""

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from pgjobs import db
from pgjobs.engine import unhurried
from pgjobs.engine.unhurried import Unhurried

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


def test_answers_gather_for_a_pause() -> None:
    """At leisure a read is followed by a pause in which nobody looks; in a hurry by none."""
    loop: Any = Loop()
    reads: list[str] = []
    leisure = False
    proxy = Unhurried(loop, lambda: leisure)
    proxy.add_reader(3, reads.append, "read")
    assert 7.0 == proxy.time()

    loop.readers[3]()
    assert ["read"] == reads
    assert 3 in loop.readers
    assert [] == loop.later

    leisure = True
    loop.readers[3]()
    assert ["read", "read"] == reads
    assert {} == loop.readers
    ((delay, look_again),) = loop.later
    assert unhurried.PAUSE == delay
    look_again()
    assert 3 in loop.readers


def test_who_looks_no_more_is_not_woken_after_the_pause() -> None:
    """A connection that was closed in its pause, or by what it read, reads no more; nor does it for another one."""
    loop: Any = Loop()
    proxy = Unhurried(loop, lambda: True)
    proxy.add_reader(3, lambda: None)
    loop.readers[3]()
    assert proxy.remove_reader(3)
    assert not proxy.remove_reader(3)
    loop.later.pop()[1]()
    assert {} == loop.readers

    proxy.add_reader(3, lambda: proxy.remove_reader(3))
    loop.readers[3]()
    assert {} == loop.readers
    assert [] == loop.later

    proxy.add_reader(3, lambda: None)
    loop.readers[3]()
    proxy.add_reader(3, lambda: None)
    second = loop.readers[3]
    loop.later.pop()[1]()
    assert second is loop.readers[3]


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


def test_who_is_cancelled_in_a_pause_leaves_an_idle_connection(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query is broken off, what had come is dropped, and the connection serves the next run."""
    monkeypatch.setattr(db, "PAUSE", 3600)
    sleeps = (
        "select case n when 100 then pg_sleep(3600)::text else repeat('x', 10000) end from generate_series(1, 100) n"
    )
    waits = "select wait_event from pg_stat_activity where application_name = 'pgjobs test' and state = 'active'"

    async def ask() -> None:
        async with await db.connect(database, "test") as connection, await db.connect(database, "other") as other:
            connection.unhurried = True
            asking = asyncio.create_task(connection.execute(sleeps))
            async with asyncio.timeout(60):
                while await db.value(other, waits) != "PgSleep":  # noqa: ASYNC110 no event tells
                    await asyncio.sleep(0.01)
            assert not asking.done()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert TransactionStatus.IDLE == connection.info.transaction_status
            assert await connection.answers(60)

    asyncio.run(ask())
