"""A window: the records that are accounted for together, and what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from pgjobs.broker.confirms import Flight
from pgjobs.broker.formats.base import Check, check_routing_keys
from pgjobs.joblog.record import BODY, CODE, KEY, Record, Refusal, Refused

MAX_BODY = 1 << 20
MOST_MS = 2**31 - 1
"""As many as an integer of the database holds: some weeks."""


@dataclass
class Window:
    """Records in order, and those of them that can be sent; their flight once they were published.

    `unfit` and `returned` say by key why a record can't be sent, and why the broker gave one back.
    """

    records: list[Record]
    sendable: list[Record]
    unfit: dict[int, Refusal]
    returned: dict[int, Refusal] = field(default_factory=dict)
    flight: Flight | None = None
    backlog: int | None = None
    """How many messages lay ready in its queue when it was let go; None: nobody asked."""

    @classmethod
    def of(
        cls, records: list[Record], codes: Sequence[bytes | None], largest: int, check: Check = check_routing_keys
    ) -> Window:
        """The window of records with these codes; none of their bodies has more than `largest` bytes.

        `check` is that of the format of their messages.
        """
        # Every record passes here: whole windows are told apart by a few calls that loop in C.
        wanted = records if codes.count(None) == len(codes) else [r for r in records if CODE(r) is None]
        good = largest <= MAX_BODY and all(map(BODY, wanted))
        unfit = check(wanted) if good else find_unfit(wanted, check)
        return cls(records, [r for r in wanted if r[0] not in unfit] if unfit else wanted, unfit)

    def split(self, most: int) -> tuple[Window, Window | None]:
        """The part with the first `most` records that are to be sent, and the rest, if there is one."""
        if len(self.sendable) <= most:
            return self, None
        last = self.sendable[most - 1]
        end = next(i for i, record in enumerate(self.records) if record is last) + 1
        first, rest = self.records[:end], self.records[end:]
        keys = {record[0] for record in first} & self.unfit.keys()
        unfit = {key: self.unfit[key] for key in keys}
        others = {key: refusal for key, refusal in self.unfit.items() if key not in keys}
        return Window(first, self.sendable[:most], unfit), Window(rest, self.sendable[most:], others)

    def give_up(self, refusal: Refusal) -> None:
        """Send nothing of it: whatever was to be sent is skipped for this reason."""
        self.unfit |= {record[0]: refusal for record in self.sendable}
        self.sendable = []

    @property
    def unsent(self) -> dict[int, tuple[str, str | None]]:
        """Code and detail, by key, of the records that were to be sent and were not."""
        return {
            key: (refusal.code.decode(), refusal.detail.decode(errors="replace") if refusal.detail else None)
            for key, refusal in (self.unfit | self.returned).items()
        }

    @property
    def refused(self) -> list[Refused]:
        """Its records that were not sent, with the code that each is counted by."""
        why = {key: refusal.code for key, refusal in (self.unfit | self.returned).items()}
        codes = [(record, CODE(record) or why.get(record[0])) for record in self.records]
        return [(record[0], code.decode(), record[1]) for record, code in codes if code is not None]

    @property
    def last_key(self) -> int:
        """The key its checkpoint will store."""
        return self.records[-1][0]

    @property
    def confirm_ms(self) -> int | None:
        """Milliseconds until the broker had confirmed the last of its messages; None where it has none."""
        seconds = self.flight.seconds if self.flight else None
        return None if seconds is None else min(round(seconds * 1000), MOST_MS)

    def account(self) -> tuple[tuple[int, int, int], list[tuple[str, str, int]]]:
        """How many were (sent, skipped, returned), and [(action, code, how many)] of what happened at all."""
        codes: Counter[bytes] = Counter()
        if len(self.sendable) < len(self.records):
            codes.update(filter(None, map(CODE, self.records)))
            codes.update(refusal.code for refusal in self.unfit.values())
        skipped, returned = codes.total(), len(self.returned)
        sent = len(self.records) - skipped - returned
        codes.update(refusal.code for refusal in self.returned.values())
        outcomes = [("skip", code.decode(), n) for code, n in codes.items()]
        return (sent, skipped, returned), [*outcomes, ("sent", "", sent)] if sent else outcomes


def fits(body: bytes | None) -> bool:
    """Whether a body can be sent."""
    return body is not None and 0 < len(body) <= MAX_BODY


def find_unfit(wanted: list[Record], check: Check) -> dict[int, Refusal]:
    """Why records that are to be sent can't be, by key."""
    unfit = {
        KEY(record): Refusal(b"too_large", b"%d" % len(body)) if body else Refusal(b"empty")
        for record, body in zip(wanted, map(BODY, wanted), strict=True)
        if not fits(body)
    }
    return unfit | check([record for record in wanted if KEY(record) not in unfit])
