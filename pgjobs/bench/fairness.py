"""k: a small job of high priority while giants with more shards than places fill every place of two daemons."""

from __future__ import annotations

import time

from pgjobs.bench import jobs, workers
from pgjobs.bench.arrivals import Arrivals
from pgjobs.bench.book import Key, Sample, percentile
from pgjobs.bench.lab import Lab

DAEMONS, PLACES = 2, 8
GIANTS, SHARDS = 3, 16
RECORDS = 500
URGENT = "urgent job, every place of two daemons taken: first record"
KEY = Key("k", URGENT, "classic")


def measure(lab: Lab) -> None:
    """Fill the places, then let the urgent jobs come one after another."""
    with workers.daemons(lab, DAEMONS, max_running=PLACES):
        lab.say(f"k: urgent jobs while {GIANTS} giants fill {DAEMONS * PLACES} places")
        seconds = urgent(lab)
    figures = {"p50_ms": 1000 * percentile(seconds, 50), "max_ms": 1000 * max(seconds)}
    lab.book.add(KEY, Sample(len(seconds), sum(seconds), figures=figures))


def urgent(lab: Lab) -> list[float]:
    """Seconds from the commit of each small job to its first message at a consumer."""
    queue, own = lab.queue("places", "classic", **{"x-max-length": 100_000}), lab.queue("urgent-places")
    kind, urgent_kind = lab.type_for("expired", queue), lab.type_for("expired", own)
    giants = [jobs.start(lab, kind, {**lab.range()}, shards=SHARDS).id for _ in range(GIANTS)]
    found: list[float] = []
    try:
        with Arrivals(lab, own) as arrivals:
            for turn in range(lab.scale.urgent + 1):
                if not _filled(lab):
                    lab.book.remark(f"k: giants had ended before the urgent job {turn} of {lab.scale.urgent}")
                    break
                params: dict[str, object] = {**lab.range(), "count": min(RECORDS, lab.scale.records // 10)}
                job = jobs.start(lab, urgent_kind, params, priority=10)
                latency = arrivals.first(job.id) - job.asked
                jobs.wait_for(lab, job.id)
                if turn:  # the first one warms everything up
                    found.append(latency)
    finally:
        jobs.stop(lab, giants)
    if not found:
        raise workers.BenchError("the giants ended before an urgent job could start: the table is too small")
    lab.drop(queue)
    lab.drop(own)
    return found


def _filled(lab: Lab) -> bool:
    """Wait until every place is taken and more shards wait; False when the giants have ended before."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        row = lab.connection.execute(
            "select count(*) filter (where owner is not null), count(*) filter (where finished_at is null)"
            " from pgjobs.shards where started_at is not null"
        ).fetchone()
        held, open_ = row or (0, 0)
        if held == DAEMONS * PLACES < open_:
            return True
        time.sleep(0.02)
    return False
