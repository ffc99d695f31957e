"""What a daemon measures, in a registry of its own: its metrics listener shows all of it to Prometheus.

The number of series is bounded, whatever jobs, types and codes there are: what comes late is counted as "other".
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

import pgjobs

CONFIRM_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
WINDOW_RECORDS = (1, 10, 100, 500, 1000, 2000, 5000, 10000, 65535)
MOST_TYPES, MOST_CODES = 100, 300
"""So many types are told apart, and so many codes of records with their types."""
MOST_BEGUN = 50
"""So many types are shown before their first record; the others of MOST_TYPES are those that are met."""
LONGEST_LABEL = 80
OTHER = "other"

# A series for each other one, with the moment at which it began, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # of the library


class Metrics:
    """The counters, gauges and histograms of one daemon; names begin with pgjobs_."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"pgjobs_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"pgjobs_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"pgjobs_{name}", text, registry=self.registry, buckets=buckets)

        self.records = counter("records", "Records by their outcome.", "type", "action", "code", "dry_run")
        self.published = counter("published", "Messages written to the broker.")
        self.windows_published = counter("windows_published", "Windows written to the broker.")
        self.confirmed = counter("confirmed", "Messages the broker has confirmed.")
        self.nacked = counter("nacked", "Messages the broker has refused; they are published again.")
        self.returned = counter("returned", "Messages that no queue took.")
        self.replies = counter("replies", "Answers of consumers that were taken from reply queues.")
        self.broker_reconnects = counter(
            "broker_reconnects",
            "Connections to the broker that were lost, or given up with messages in flight.",
            "reason",
        )
        self.listener_reconnects = counter("listener_reconnects", "Lost LISTEN connections.")
        self.listener_probe_failures = counter(
            "listener_probe_failures", "LISTEN connections that did not deliver their own probe."
        )
        self.jobs_found_by_poll = counter(
            "jobs_found_by_poll", "Jobs that were found by polling, without a notification."
        )
        self.fenced = counter("fenced", "Shards of this daemon that another owner has taken over.")
        self.cursor_rotations = counter(
            "cursor_rotations", "Cursors closed because of their age and opened again by key."
        )
        self.confirm_seconds = histogram(
            "confirm_seconds", "Seconds from writing a window to its last confirm.", CONFIRM_SECONDS
        )
        self.window_records = histogram("window_records", "Records in a window.", WINDOW_RECORDS)
        self.running_shards = gauge("running_shards", "Shards this daemon runs.")
        self.connections_limit = gauge("connections_limit", "Connections to PostgreSQL this daemon may open at most.")
        self.listening = gauge("listening", "1 while the daemon listens for notifications.")
        self.broker_connected = gauge("broker_connected", "1 while the daemon is connected to the broker.")
        self.broker_blocked = gauge("broker_blocked", "1 while an alarm of the broker blocks publishing.")
        self.broker_unreachable = gauge("broker_unreachable", "1 while the daemon tries in vain to reach the broker.")
        self.queue_messages = gauge(
            "queue_messages",
            "Messages that lay ready in the target queue when a job with max_backlog last asked.",
            "type",
        )
        self.last_nack = gauge("last_nack_timestamp_seconds", "When the broker last refused a message; 0: never.")
        self.last_beat = gauge("last_beat_timestamp_seconds", "When the database last took a heartbeat; 0: never.")
        self.snapshot_age = gauge(
            "oldest_snapshot_age_seconds",
            "Seconds for which a session of the daemon's role has held its snapshot at the last heartbeat.",
        )
        self.log_volume_size = gauge("log_volume_size_bytes", "Size of the volume of the job logs.")
        self.log_volume_free = gauge("log_volume_free_bytes", "Free bytes of the volume of the job logs.")
        gauge("build_info", "1, with the version of pgjobs.", "version").labels(version=pgjobs.__version__).set(1)
        self._types = Few(MOST_TYPES)
        self._codes = Few(MOST_CODES)
        self._listen_down_since: float | None = time.monotonic()

    def count_records(self, kind: str, action: str, code: str, number: int, *, dry_run: bool) -> None:
        """Count records of a job of this type; those of a dry run, of which nothing is published, apart."""
        kind = self._types.label(kind)
        code = code[:LONGEST_LABEL] if self._codes.knows((kind, code)) else OTHER
        self.records.labels(type=kind, action=action, code=code, dry_run=str(dry_run).lower()).inc(number)

    def begin_counts(self, kinds: Iterable[str]) -> None:
        """Show what types have sent before their first record: a counter that is not there at 0 is not seen to grow."""
        for kind in itertools.islice(kinds, MOST_BEGUN):
            if self._types.knows(kind) and self._codes.knows((kind, "")):
                self.records.labels(type=self._types.label(kind), action="sent", code="", dry_run="false")

    def note_backlog(self, kind: str, messages: int) -> None:
        """Keep how many messages lay ready in the queue of a job of this type."""
        self.queue_messages.labels(type=self._types.label(kind)).set(messages)

    def listens(self, *, now: bool) -> None:
        """Say whether the daemon listens."""
        self.listening.set(now)
        if now:
            self._listen_down_since = None
        elif self._listen_down_since is None:
            self._listen_down_since = time.monotonic()

    @property
    def listen_down_seconds(self) -> float:
        """For how long it has not been listening; 0 while it does."""
        return 0.0 if self._listen_down_since is None else time.monotonic() - self._listen_down_since


class Few:
    """Tells so many things apart, those that came first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[object] = set()

    def knows(self, thing: object) -> bool:
        """Whether it is one of those that are told apart; from now on it is, while there is room."""
        if thing not in self._known and len(self._known) < self._most:
            self._known.add(thing)
        return thing in self._known

    def label(self, text: str) -> str:
        """The value of a label for a text."""
        return text[:LONGEST_LABEL] if self.knows(text) else OTHER


def value(metric: Counter | Gauge) -> float:
    """What a counter or gauge without labels shows now."""
    return float(next(iter(metric.collect())).samples[0].value)
