"""Connections that nobody uses at the moment: the one used last is used next, so that a burst leaves none behind."""

from __future__ import annotations

import time
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Idle(Generic[Kept]):
    """A stack of connections, each with the time since when it is idle."""

    def __init__(self) -> None:
        self._kept: list[tuple[Kept, float]] = []

    def put(self, connection: Kept) -> None:
        """Keep a connection for whoever needs one next."""
        self._kept.append((connection, time.monotonic()))

    def take(self) -> tuple[Kept, float] | None:
        """The connection used last, with the seconds for which it has been idle."""
        if not self._kept:
            return None
        connection, since = self._kept.pop()
        return connection, time.monotonic() - since

    def take_unused(self, seconds: float, *, but: int = 0) -> list[Kept]:
        """Those that nobody needed for so long, except for so many of them."""
        before = time.monotonic() - seconds
        unused = sum(1 for _, since in self._kept if since <= before)
        number = min(unused, max(0, len(self._kept) - but))
        taken, self._kept = self._kept[:number], self._kept[number:]
        return [connection for connection, _ in taken]
