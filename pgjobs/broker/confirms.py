"""Which published messages are settled: delivery tags come back singly or as ranges, in any order; pure, no I/O."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from pgjobs.joblog.record import Refusal

RETURNED = {312: b"returned_unroutable"}
"""What the reply codes of AMQP are called in the outcomes."""


class Flight:
    """Messages written together; `done` once each of them is confirmed or nacked, which took so many `seconds`."""

    def __init__(self, first_tag: int, keys: Sequence[int]) -> None:
        self.first_tag = first_tag
        self.last_tag = first_tag + len(keys) - 1
        self.keys = keys
        self.nacked: list[int] = []
        self.written_at = time.monotonic()
        self.seconds: float | None = None
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Confirms:
    """The tags of one channel: all up to `_settled` are answered, and beyond it those in `_loose`."""

    def __init__(self) -> None:
        self.flights: deque[Flight] = deque()
        self._next_tag = 1
        self._settled = 0
        self._loose: set[int] = set()

    @property
    def behind(self) -> int:
        """How many unconfirmed messages were published after the window that is awaited."""
        return self._next_tag - 1 - self.flights[0].last_tag if self.flights else 0

    def take_off(self, keys: Sequence[int]) -> Flight:
        """Give the next tags to messages that are about to be written; an empty flight gets none."""
        flight = Flight(self._next_tag, keys)
        self._next_tag += len(keys)
        if keys:
            self.flights.append(flight)
        return flight

    def settle(self, tag: int, *, multiple: bool, nack: bool) -> list[Flight]:
        """Take in one answer of the broker; returns the flights it completes, in order."""
        if nack:
            tags = range(self._settled + 1, tag + 1) if multiple else (tag,)
            self._note_nacked([each for each in tags if each not in self._loose])
        if multiple:
            self._settled = max(self._settled, tag)
            self._loose = {loose for loose in self._loose if loose > tag}
        elif tag > self._settled:
            self._loose.add(tag)
        while self._settled + 1 in self._loose:
            self._settled += 1
            self._loose.discard(self._settled)
        landed = []
        while self.flights and self.flights[0].last_tag <= self._settled:
            landed.append(self.flights.popleft())
        return landed

    def _note_nacked(self, tags: list[int]) -> None:
        for flight in self.flights:
            flight.nacked.extend(
                flight.keys[tag - flight.first_tag] for tag in tags if flight.first_tag <= tag <= flight.last_tag
            )


def returned_as(reply_code: int, reply_text: str) -> Refusal:
    """What becomes of a message that the broker gave back with this answer."""
    code = RETURNED.get(reply_code, b"returned_%d" % reply_code)
    return Refusal(code, f"{reply_code} {reply_text}".encode())


def in_words(returned: Refusal) -> str:
    """What the broker said of a message that it gave back."""
    return f"Returned by the broker: {(returned.detail or returned.code).decode()}"
