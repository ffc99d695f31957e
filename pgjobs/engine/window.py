"""A window: the records that are accounted for together, and what is known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pgjobs.engine.broker.confirms import Flight
from pgjobs.joblog.format import reason_code
from pgjobs.joblog.record import Record

MAX_BODY = 1 << 20


@dataclass
class Window:
    """Records in order, those of them that were published, and their flight.

    `unfit` and `returned` say by key why a record was not published, and why the broker gave one back.
    """

    records: list[Record]
    unfit: dict[int, str]
    published: list[Record] = field(default_factory=list)
    returned: dict[int, str] = field(default_factory=dict)
    flight: Flight | None = None

    @property
    def last_key(self) -> int:
        """The key its checkpoint will store."""
        return self.records[-1][0]

    def account(self) -> tuple[tuple[int, int, int], list[tuple[str, str, int]]]:
        """How many were (sent, skipped, returned), and [(action, reason, how many)] of what happened at all."""
        reasons = Counter(reason_code(record[2]) for record in self.records if record[2] is not None)
        reasons.update(reason_code(reason) for reason in self.unfit.values())
        skipped, returned = reasons.total(), len(self.returned)
        sent = len(self.records) - skipped - returned
        reasons.update(reason_code(reason) for reason in self.returned.values())
        outcomes = [("skip", reason, n) for reason, n in reasons.items()]
        return (sent, skipped, returned), [*outcomes, ("sent", "", sent)] if sent else outcomes


def fits(body: bytes | None) -> bool:
    """Whether a body can be sent."""
    return body is not None and 0 < len(body) <= MAX_BODY


def find_unfit(wanted: list[Record]) -> dict[int, str]:
    """Why records that are to be sent can't be, by key."""
    return {
        key: f"Message too large, {len(body)} bytes" if body else "Message is empty"
        for key, _message, _reason, body in wanted
        if not body or len(body) > MAX_BODY  # as fits(), without a call for every record
    }
