"""By how much the counters of a daemon have grown lately, so that the database can judge it without Prometheus."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pgjobs.metrics import Metrics, value

HOUR = 3600.0


class Look(NamedTuple):
    """The counters at one moment."""

    at: float
    published: float
    refused: float
    confirmed: float
    fenced: float
    running: float


class Recent:
    """Remembers the counters of the last hour, one look for each heartbeat."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._looks: deque[Look] = deque()

    def look(self, now: float) -> dict[str, float]:
        """Look at the counters, and tell by how much they have grown within the last minutes."""
        metrics = self._metrics
        look = Look(
            now,
            value(metrics.published),
            value(metrics.nacked) + value(metrics.returned),
            value(metrics.confirmed),
            value(metrics.fenced),
            value(metrics.running_shards),
        )
        self._looks.append(look)
        # One that is an hour old or more is kept, to count from.
        while len(self._looks) > 1 and self._looks[1].at <= now - HOUR:
            self._looks.popleft()
        five, ten, fifteen, hour = (self._before(now - seconds) for seconds in (300, 600, 900, HOUR))
        return {
            "published_5m": look.published - five.published,
            "refused_5m": look.refused - five.refused,
            "confirmed_10m": look.confirmed - ten.confirmed,
            "confirmed_60m": look.confirmed - hour.confirmed,
            "busy_10m": min(each.running for each in self._looks if each.at >= now - 600),
            "fenced_15m": look.fenced - fifteen.fenced,
        }

    def _before(self, moment: float) -> Look:
        """The last look before a moment; the first one, where all came later."""
        return next((look for look in reversed(self._looks) if look.at <= moment), self._looks[0])
