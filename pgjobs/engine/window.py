"""A window: the records that are accounted for together, and what is known of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pgjobs.engine.confirms import Flight
from pgjobs.engine.encode import Record, reason_code


@dataclass
class Window:
    """Records in order, those of them that were published, their flight, and why some were refused, by key."""

    records: list[Record]
    published: list[Record]
    flight: Flight | None
    refused: dict[int, str]

    @property
    def last_key(self) -> int:
        """The key its checkpoint will store."""
        return self.records[-1][0]

    def account(self) -> tuple[tuple[int, int, int], list[tuple[str, str, int]]]:
        """How many were (sent, skipped, returned), and [(action, reason, how many)] of what happened at all."""
        reasons = Counter(reason_code(record[2]) for record in self.records if record[2] is not None)
        skipped, returned = reasons.total(), len(self.refused)
        sent = len(self.records) - skipped - returned
        reasons.update(reason_code(reason) for reason in self.refused.values())
        outcomes = [("skip", reason, n) for reason, n in reasons.items()]
        return (sent, skipped, returned), [*outcomes, ("sent", "", sent)] if sent else outcomes
