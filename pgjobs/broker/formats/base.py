"""What all formats have in common: what they do, how they name messages, and which records none of them can send."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Protocol, TypeAlias, TypeVar

from pgjobs.broker.frames import LONGEST_SHORT
from pgjobs.joblog.record import KEY, ROUTING_KEY, Record, Refusal, are_routed

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Check: TypeAlias = Callable[[Sequence[Record]], dict[int, Refusal]]
"""Says by key why records that are to be sent can't be."""


class Unusable(Exception):
    """Says of a body, or of the options of a type, why no message can be made with it."""


class Format(Protocol):
    """The messages of a job or a call, compiled for one channel."""

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:
        """The frames of records in the order of their keys; the check of the format has let all of them pass.

        A message is named by prefix and key, see `message_id`; `timestamp` is the moment in seconds.
        """


def message_id(prefix: str, key: int, attempt: int | None) -> str:
    """The message id of a record: the same after any crash, and its own for each attempt where these are counted."""
    return f"{prefix}{key}" if attempt is None else f"{prefix}{key}-{attempt}"


def check_routing_keys(records: Sequence[Record]) -> dict[int, Refusal]:
    """Refuse what no frame can say: a routing key that is too long."""
    if not are_routed(records):
        return {}
    return {
        KEY(record): Refusal(b"bad_routing_key", b"%d" % len(routing_key))
        for record, routing_key in zip(records, map(ROUTING_KEY, records), strict=True)
        if routing_key is not None and len(routing_key) > LONGEST_SHORT
    }


class Made(dict[Key, Value]):
    """Values that are made when they are needed first; at most `most` of them are kept."""

    def __init__(self, make: Callable[[Key], Value], most: int | None = None) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: Key) -> Value:
        if self._most is not None and len(self) >= self._most:
            self.clear()
        value = self[key] = self._make(key)
        return value
