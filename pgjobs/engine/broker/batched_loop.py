"""An event loop for pika that lets the broker's answers gather while there is enough to wait for.

A quorum queue answers for some hundred messages at a time; to be woken for each answer costs several times what
reading it costs.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Any

PAUSE = 0.02
"""Seconds between two reads at leisure."""
LEISURE = 1000
"""Messages on their way, behind those whose last answer is waited for, that keep a broker busy for a pause."""


class Unhurried:
    """The loop of pika's connection (`custom_ioloop`): after a read it looks away for a while, if `at_leisure`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, at_leisure: Callable[[], bool]) -> None:
        self._loop = loop
        self._at_leisure = at_leisure
        self._readers: dict[int, Callable[[], None]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def add_reader(self, fd: int, callback: Callable[..., object], *args: object) -> None:
        """Call back when there is something to read, and not before the pause is over."""

        def read() -> None:
            callback(*args)
            if self._readers.get(fd) is read and self._at_leisure() and not _readable(fd):
                self._loop.remove_reader(fd)
                self._loop.call_later(PAUSE, look_again)

        def look_again() -> None:
            if self._readers.get(fd) is read:
                self._loop.add_reader(fd, read)

        self._readers[fd] = read
        self._loop.add_reader(fd, read)

    def remove_reader(self, fd: int) -> bool:
        """Look no more; says whether it was looked for."""
        self._loop.remove_reader(fd)
        return self._readers.pop(fd, None) is not None


def _readable(fd: int) -> bool:
    line = select.poll()
    line.register(fd, select.POLLIN)
    return bool(line.poll(0))
