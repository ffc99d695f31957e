"""An event loop for pika that reads the broker's confirms in batches while enough messages are in flight.

A quorum queue sends one confirm for every few hundred messages. Being woken for each confirm costs several times as
much as reading it, so the loop stops watching the socket for a moment after each read.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Any

BATCH_PAUSE = 0.02
"""Seconds between two reads."""
BUSY_MESSAGES = 1000
"""Unconfirmed messages beyond the awaited window; above this number the broker stays busy during one pause."""


class BatchedLoop:
    """The loop of pika's connection (`custom_ioloop`): it pauses after each read for which `may_pause` returns true."""

    def __init__(self, loop: asyncio.AbstractEventLoop, may_pause: Callable[[], bool]) -> None:
        self._loop = loop
        self._may_pause = may_pause
        self._readers: dict[int, Callable[[], None]] = {}
        self.answered = False
        """Whether an address was looked up, and pika has not been told yet."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def getaddrinfo(self, *asked: Any, **how: Any) -> Any:
        """Look an address up for pika."""

        def told(_task: object) -> None:
            self.answered = False

        task = asyncio.current_task()
        if task is not None:
            # pika's own callback is there already, and is called first.
            task.add_done_callback(told)
        found = await self._loop.getaddrinfo(*asked, **how)
        self.answered = True
        return found

    def add_reader(self, fd: int, callback: Callable[..., object], *args: object) -> None:
        """Call back when there is something to read, but not during a pause."""

        def read() -> None:
            callback(*args)
            if self._readers.get(fd) is read and self._may_pause() and not _readable(fd):
                self._loop.remove_reader(fd)
                self._loop.call_later(BATCH_PAUSE, watch_again)

        def watch_again() -> None:
            if self._readers.get(fd) is read:
                self._loop.add_reader(fd, read)

        self._readers[fd] = read
        self._loop.add_reader(fd, read)

    def remove_reader(self, fd: int) -> bool:
        """Stop watching a descriptor; returns whether it was watched."""
        self._loop.remove_reader(fd)
        return self._readers.pop(fd, None) is not None


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
