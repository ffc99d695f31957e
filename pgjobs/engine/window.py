"""A window: the records that are accounted for together, and what is known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pgjobs.engine.broker.confirms import Flight
from pgjobs.joblog.record import CODE, Record, Refusal

MAX_BODY = 1 << 20


@dataclass
class Window:
    """Records in order, those of them that were published, and their flight.

    `unfit` and `returned` say by key why a record was not published, and why the broker gave one back.
    """

    records: list[Record]
    unfit: dict[int, Refusal]
    published: list[Record] = field(default_factory=list)
    returned: dict[int, Refusal] = field(default_factory=dict)
    flight: Flight | None = None

    @property
    def last_key(self) -> int:
        """The key its checkpoint will store."""
        return self.records[-1][0]

    def account(self) -> tuple[tuple[int, int, int], list[tuple[str, str, int]]]:
        """How many were (sent, skipped, returned), and [(action, code, how many)] of what happened at all."""
        codes: Counter[bytes] = Counter(filter(None, map(CODE, self.records)))
        codes.update(refusal.code for refusal in self.unfit.values())
        skipped, returned = codes.total(), len(self.returned)
        sent = len(self.records) - skipped - returned
        codes.update(refusal.code for refusal in self.returned.values())
        outcomes = [("skip", code.decode(), n) for code, n in codes.items()]
        return (sent, skipped, returned), [*outcomes, ("sent", "", sent)] if sent else outcomes


def fits(body: bytes | None) -> bool:
    """Whether a body can be sent."""
    return body is not None and 0 < len(body) <= MAX_BODY


def find_unfit(wanted: list[Record]) -> dict[int, Refusal]:
    """Why records that are to be sent can't be, by key."""
    return {
        key: Refusal(b"too_large", b"%d" % len(body)) if body else Refusal(b"empty")
        for key, _target, _code, _detail, body in wanted
        if not body or len(body) > MAX_BODY  # as fits(), without a call for every record
    }
