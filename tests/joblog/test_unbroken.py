"""Blocking work that nobody may leave half-way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pgjobs.unbroken import unbroken


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_is_cancelled_waits_to_the_end_of_the_work(fails: bool) -> None:
    """However often the waiter is cancelled, it ends only when the work has, and ends as cancelled."""
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(20)
        over.set()
        if fails:
            raise ValueError

    async def run() -> None:
        waiter = asyncio.create_task(unbroken(work))
        await asyncio.to_thread(begun.wait)
        for _ in range(5):
            waiter.cancel()
            await asyncio.sleep(0)  # one turn of the loop, in which it is cancelled
            assert not waiter.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert over.is_set()

    asyncio.run(run())


def test_the_result_or_the_error_is_that_of_the_work() -> None:
    """What the work returns or raises arrives at whoever waits."""
    assert 7 == asyncio.run(unbroken(int, "7"))
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(unbroken(int, "x"))
