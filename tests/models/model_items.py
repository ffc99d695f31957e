"""What becomes of the items of a job, in plain Python from the contract alone: the oracle of the game of items.

Nothing is shared with the engine. One shard is driven by two daemons; time is counted in seconds. What is published and
not yet accounted for is in flight: from `after` to `announced`, and to `uncertain` if a daemon was lost with it.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable

KEYS = tuple(range(1, 6))
RETRIES = 1
LIMIT = 100
DELAY = 10
OPEN = "wlr"


@dataclasses.dataclass
class Item:
    """One item; `answer` is what an early answer will make of it, `due` when its next attempt may begin."""

    status: str = "w"
    attempts: int = 0
    answer: str | None = None
    launched_at: int = 0
    due: int | None = None

    def close(self, status: str) -> None:
        """It has its outcome."""
        self.status, self.due = status, None


def after_attempt(attempts: int, *, good: bool, late: bool = False) -> str:
    """What an attempt makes of an item, by the rules."""
    if good:
        return "s"
    if attempts <= RETRIES:
        return "r"
    return "t" if late else "f"


class Model:
    """A job of one shard, and its items."""

    def __init__(self) -> None:
        self.now = 0
        self.items = {key: Item() for key in KEYS}
        self.vain: Counter[str] = Counter()
        self.not_launched = 0
        self.status = "in progress"
        self.cancelled = False
        self.attempt = 1
        self.round_at = 0
        self.round_over = False
        self.after = self.announced = self.uncertain = 0

    @property
    def open(self) -> int:
        """How many items have no outcome yet."""
        return sum(item.status in OPEN for item in self.items.values())

    def statuses(self) -> Counter[str]:
        """How many items have which status."""
        return Counter(item.status for item in self.items.values())

    def in_flight(self, key: int) -> bool:
        """Whether an answer may be that of an attempt whose launch is not accounted for yet."""
        item = self.items[key]
        if self.round_over or not self.after < key <= max(self.announced, self.uncertain):
            return False
        if item.status == "r":
            return item.attempts + 1 == self.attempt and item.due is not None and item.due <= self.round_at
        return item.status == "w"

    def answer(self, key: int, kind: str, named: int | None) -> None:
        """An answer comes, perhaps to an attempt that it names."""
        item, flies = self.items[key], self.in_flight(key)
        good = kind == "good"
        if item.status == "w" and not flies:
            self.not_launched += 1
        elif kind == "partial":
            return
        elif item.status == "l" or (flies and item.answer is None):
            current = item.attempts + flies
            if not good and named is not None and named < current:
                self.vain["B"] += 1
            elif flies:
                item.answer = after_attempt(current, good=good)
            else:
                self._end(item, after_attempt(current, good=good))
        elif (item.status == "r" and not flies) or (flies and item.answer == "r"):
            self._again(item, good=good, flies=flies)
        elif item.status in "tc" and item.answer is None:
            item.answer = "G" if good else "B"
            self.vain[item.answer] += 1
        else:
            self.vain["D"] += 1

    def _again(self, item: Item, *, good: bool, flies: bool) -> None:
        """Its attempt has failed, and another one is to come: only a good answer says more."""
        if not good:
            self.vain["B"] += 1
        elif flies:
            item.answer = "s"
        else:
            item.close("s")

    def _end(self, item: Item, status: str) -> None:
        item.status = status
        item.due = self.now + DELAY if status == "r" else None

    def readable(self) -> list[int]:
        """The keys that the round still has to send."""
        if self.round_over:
            return []
        if self.attempt == 1:
            return [key for key in KEYS if key > self.after and self.items[key].status == "w"]
        due = ((key, item.due, item.attempts + 1) for key, item in self.items.items() if item.status == "r")
        return [
            key
            for key, at, n in due
            if key > self.after and n == self.attempt and at is not None and at <= self.round_at
        ]

    def take(self) -> None:
        """A daemon takes the shard; if its round is over, what is due makes the next one."""
        self.status = "in progress"
        if self.announced != self.after:
            self.uncertain = max(self.uncertain, self.announced)
            self.announced = self.after
        if not self.round_over:
            return
        for item in self.items.values():
            if item.status == "l" and item.launched_at + LIMIT <= self.now:
                self._end(item, after_attempt(item.attempts, good=False, late=True))
        due = [item.attempts + 1 for item in self.items.values() if item.due is not None and item.due <= self.now]
        if due:
            self.round_over, self.attempt, self.round_at = False, min(due), self.now
            self.after = self.announced = self.uncertain = 0

    def checkpoint(self, window: Iterable[int]) -> None:
        """A window is accounted for: each of its items has gone out, whatever has become of it meanwhile."""
        for key in window:
            item = self.items[key]
            if item.status == ("w" if self.attempt == 1 else "r"):
                item.attempts, item.launched_at, item.due = self.attempt, self.now, None
                self._end(item, item.answer or "l")
                item.answer = None
            elif item.status not in OPEN and item.attempts == self.attempt - 1:
                item.attempts = self.attempt
            self.after = self.announced = key

    def finish(self) -> str:
        """The cursor is at its end."""
        if not self.open:
            self.status = "done"
            return "done"
        self.round_over, self.announced, self.uncertain = True, self.after, 0
        return "waiting"

    def cancel(self) -> None:
        """Whatever is open is closed."""
        self.status, self.cancelled = "canceled", True
        for item in self.items.values():
            if item.status in OPEN:
                item.close("c")

    def next_due(self) -> int | None:
        """When the shard has to be due at the latest, if it waits."""
        if not self.open:
            return self.now
        ends = (item.launched_at + LIMIT for item in self.items.values() if item.status == "l")
        return min((*ends, *(item.due for item in self.items.values() if item.due is not None)), default=None)
