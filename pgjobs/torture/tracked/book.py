"""What the agents saw and answered, kept outside of the database."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any, NamedTuple

MESSAGE_ID = re.compile(r"(\d+)-(-?\d+)-(\d+)").fullmatch

Attempt = tuple[int, int, int]
"""Job, key, number of the attempt."""


class Copy(NamedTuple):
    """A message as it came."""

    marked: bool
    generation: int
    """Of the connection: one that is lost may have the broker hand out again what had been handed on."""


class Book:
    """Written by the go-between and the agent in SQL, read by the judge when both have ended."""

    def __init__(self) -> None:
        self.seen: dict[Attempt, list[Copy]] = {}
        self.answers: dict[tuple[int, int], list[tuple[int, bool]]] = {}
        """The last words about an item that certainly reached the engine's queue: the attempt, and if it was good."""
        self.good: set[tuple[int, int]] = set()
        """Items about which a good answer was sent, whether it has come or not."""
        self.fates: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.findings: list[str] = []
        self._types: dict[int, str] = {}
        self._lock = threading.Lock()

    def saw(self, properties: Any, generation: int, *, redelivered: bool) -> None:
        """A message of the engine has come."""
        named = MESSAGE_ID(str(properties.message_id))
        if named is None or properties.correlation_id != f"{named[1]}-{named[2]}":
            self.findings.append(f"a message is about no item: {properties.message_id}, {properties.correlation_id}")
            return
        attempt = (int(named[1]), int(named[2]), int(named[3]))
        marked = (properties.headers or {}).get("x-maybe-duplicate") is True
        with self._lock:
            self._types[attempt[0]] = properties.type
            copies = self.seen.setdefault(attempt, [])
            if not copies or not redelivered:
                copies.append(Copy(marked, generation))

    def saw_taken(self, attempt: Attempt) -> bool:
        """An attempt was taken by SQL; whether it had been taken before."""
        with self._lock:
            before = attempt in self.seen
            self.seen.setdefault(attempt, [])
            return before

    def answers_now(self, item_id: str, *, good: bool) -> None:
        """An answer is about to be sent."""
        job, key = map(int, item_id.split("-")[:2])
        with self._lock:
            self.good |= {(job, key)} if good else set()

    def answered(self, item_id: str, attempt: int, *, good: bool) -> None:
        """The engine has certainly got it."""
        job, key = map(int, item_id.split("-")[:2])
        with self._lock:
            self.answers.setdefault((job, key), []).append((attempt, good))

    def type_of(self, item_id: str | None) -> str | None:
        """The type of the job that an item belongs to."""
        if item_id is None:
            return None
        return self._types.get(int(item_id.split("-")[0]))
