"""What a handler gets and gives: an item, read from its message, and its result."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pgjobs.agents import answers

SUCCESSFUL = "SUCCESSFUL"
IDS = re.compile(r"(\d{1,18})-(-?\d{1,19})(?:-(\d{1,9}))?", re.ASCII)
"""Job, key and attempt of an item; the key may be negative."""
Report = Callable[[answers.Answer], None]


@dataclass(frozen=True)
class Result:
    """How the work on an item ended: well where the result is SUCCESSFUL, unless the status says otherwise."""

    result: str = SUCCESSFUL
    description: str = ""
    status: Literal["good", "failed"] | None = None

    def __post_init__(self) -> None:
        """Refuse what would leave the item open, although its message is acknowledged."""
        if self.status not in (None, "good", "failed"):
            raise ValueError(f"status: {self.status!r} is no end of the work: give good, failed or None")

    def answer(self) -> answers.Answer:
        """The answer that closes the item."""
        status = self.status or ("good" if self.result == SUCCESSFUL else "failed")
        return {"result": self.result, "status": status, "description": self.description}


def result_of(returned: object) -> Result:
    """The result that a handler has returned; None: it is done, and there is nothing to say about it."""
    if returned is None:
        return Result()
    if isinstance(returned, Result):
        return returned
    raise TypeError(f"the handler returned {returned!r:.80}, which is neither a Result nor None")


@dataclass(frozen=True)
class Item:
    """One item of a job, in one of its attempts."""

    id: str
    """The correlation id, which stands in every answer."""
    job: int
    key: int
    attempt: int
    """From 1."""
    type: str
    """The type of the job."""
    raw: bytes
    """The body as it came."""
    headers: Mapping[str, Any]
    maybe_duplicate: bool
    """Somebody may have worked on this attempt before: the engine may have sent it twice, or another agent had it."""
    report: Report = field(repr=False, compare=False)
    """Sends an answer that does not close the item."""

    @cached_property
    def body(self) -> Any:
        """The body as JSON; ValueError where it is none: unless the handler catches it, the item has failed."""
        return json.loads(self.raw)

    def accept(self) -> None:
        """Say that somebody has begun to work on the item: its time-out for the acknowledgement stops."""
        self.report({"status": "ack"})

    def step(self, name: str, *, result: str = SUCCESSFUL, description: str = "") -> None:
        """Report a step of the work, which goes out at once; the item stays open."""
        self.report({"status": "partial", "steps": [answers.step(name, result, description)]})


class NoItem(ValueError):
    """A message that is about no item."""


def read(properties: Any, raw: bytes, *, job_type: str, redelivered: bool, report: Report) -> Item:
    """The item that a message is about; NoItem where its ids name none."""
    headers = properties.headers or {}
    # The message id names the attempt; a message of an untracked type has no correlation id.
    found = next(filter(None, map(_named, (properties.message_id, properties.correlation_id))), None)
    if found is None:
        message_id, correlation_id = (str(one)[:80] for one in (properties.message_id, properties.correlation_id))
        raise NoItem(f"its ids name no item: message_id {message_id!r}, correlation_id {correlation_id!r}")
    job, key, attempt = int(found[1]), int(found[2]), int(found[3] or 1)
    return Item(
        id=(isinstance(properties.correlation_id, str) and properties.correlation_id) or f"{job}-{key}",
        job=job,
        key=key,
        attempt=attempt,
        type=job_type,
        raw=raw,
        headers=headers,
        maybe_duplicate=redelivered or headers.get("x-maybe-duplicate") is True,
        report=report,
    )


def _named(id_of_message: object) -> re.Match[str] | None:
    """What an id names; pika gives one that is no UTF-8 as bytes."""
    return IDS.fullmatch(id_of_message) if isinstance(id_of_message, str) else None
