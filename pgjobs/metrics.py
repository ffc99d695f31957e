"""What a daemon measures, in a registry of its own; the heartbeat carries it to the database.

The daemon has no port: /metrics of the web process shows what the database knows. Gauges are sent as they are. Of what
is counted only the growth is sent and added up there by the daemon's name, so that it survives the process.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Sample = dict[str, object]
"""name, kind, help, labels, value: the form in which pgjobs.beat() takes a sample"""

CONFIRM_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
WINDOW_RECORDS = (1, 10, 100, 500, 1000, 2000, 5000, 10000, 65535)


class Metrics:
    """The counters, gauges and histograms of one daemon; names begin with pgjobs_."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"pgjobs_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"pgjobs_{name}", text, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"pgjobs_{name}", text, registry=self.registry, buckets=buckets)

        self.records = counter("records", "Records by their outcome.", "type", "action", "dry_run")
        self.published = counter("published", "Messages written to the broker.")
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

    def count_records(self, kind: str, action: str, number: int, *, dry_run: bool) -> None:
        """Count records of a job of this type; those of a dry run, of which nothing is published, apart."""
        self.records.labels(type=kind, action=action, dry_run=str(dry_run).lower()).inc(number)

    def gauges(self) -> list[Sample]:
        """Every gauge as it is now."""
        return [sample for sample in self._samples() if sample["kind"] == "gauge"]

    def counted(self) -> list[Sample]:
        """Every sample that only ever grows: of counters and histograms, since the start of this process."""
        return [sample for sample in self._samples() if sample["kind"] != "gauge"]

    def _samples(self) -> Iterator[Sample]:
        for family in self.registry.collect():
            for sample in family.samples:
                # JSON has no word for NaN and infinity, and the time of creation is the daemon's started_at.
                if math.isfinite(sample.value) and not sample.name.endswith("_created"):
                    yield {
                        "name": sample.name,
                        "kind": family.type,
                        "help": family.documentation,
                        "labels": dict(sample.labels),
                        "value": sample.value,
                    }


class Growth:
    """By how much each counter has grown since the database last took it over.

    A heartbeat whose answer was lost is sent again with its number: the database adds a number up once.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._taken: dict[str, float] = {}
        self._sent: dict[str, float] | None = None
        self._number = 0
        self._growth: list[Sample] = []

    def next(self) -> tuple[int, list[Sample]]:
        """The number of the heartbeat, and the growth it carries; the first one has every counter, at 0 or not."""
        if self._sent is None:
            counted = {f"{sample['name']}{sample['labels']}": sample for sample in self._metrics.counted()}
            self._sent = {key: float(str(sample["value"])) for key, sample in counted.items()}
            self._number += 1
            self._growth = [
                sample | {"value": value - self._taken.get(key, 0.0)}
                for (key, sample), value in zip(counted.items(), self._sent.values(), strict=True)
                if self._taken.get(key) != value
            ]
        return self._number, self._growth

    def taken(self) -> None:
        """The database has answered: what was sent last is added up."""
        if self._sent is not None:
            self._taken, self._sent = self._sent, None
