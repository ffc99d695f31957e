"""n: a job with a max_backlog and a consumer that is slower: how full the queue gets, and whether it runs dry."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, rest
from pgjobs.bench.ticker import Ticker

LETTER = "n"
DAEMONS, SHARDS = 2, 4
TAKEN_RATE = 200
MAX_BACKLOG = 1000
LOOK_SECONDS = 0.05
AFTER_STOP = 1.0
KEY = Key(LETTER, f"consumer of {TAKEN_RATE} a second, max_backlog {MAX_BACKLOG:,}", "classic")


@dataclass
class Seen:
    """What consumer and onlooker have seen of a queue."""

    queue: str
    taken: int = 0
    missed: int = 0
    most: int = 0

    def take(self, channel: Any) -> None:
        """Take one message; before the first one there is nothing to miss."""
        method, _, _ = channel.basic_get(self.queue, auto_ack=True)
        if method is not None:
            self.taken += 1
        elif self.taken:
            self.missed += 1

    def look(self, channel: Any) -> None:
        """See how many messages lie ready."""
        self.most = max(self.most, channel.queue_declare(self.queue, passive=True).method.message_count)


def measure(lab: Lab) -> None:
    """Watch the queue while the job runs, and a second after its stop."""
    with workers.daemons(lab, DAEMONS) as pids:
        queue = lab.queue("backlog")
        kind = lab.type_for("expired", queue)
        seen = Seen(queue)
        rest(lab.trees, lab.scale.rest)
        lab.say(f"{LETTER}: a consumer of {TAKEN_RATE} a second behind a max_backlog of {MAX_BACKLOG:,}")
        watch = Watch({"publisher": pids, **lab.trees})
        with Ticker(lab, LOOK_SECONDS, seen.look), Ticker(lab, 1 / TAKEN_RATE, seen.take):
            params: dict[str, object] = {**lab.range(), "never": 1}
            job = jobs.start(lab, kind, params, shards=SHARDS, max_backlog=MAX_BACKLOG).id
            try:
                jobs.wait_for(lab, job, considered=1, seconds=60)
                began, before = time.monotonic(), seen.taken
                time.sleep(lab.scale.pace_seconds)
                seconds, taken, spent = time.monotonic() - began, seen.taken - before, watch.spent()
                if jobs.look(lab, job).status != "in progress":
                    raise workers.BenchError("the job ended before its stop: the table is too small")
                missed = seen.missed
                lab.connection.execute("select pgjobs.stop_job(%s)", (job,))
                time.sleep(AFTER_STOP)
                left = lab.depth(queue)
            finally:
                jobs.stop(lab, [job])
        figures = {"most ready": seen.most, "found nothing_percent": 100 * missed / (seen.taken + missed), "left": left}
        lab.book.add(KEY, Sample(taken, seconds, spent, figures={name: float(n) for name, n in figures.items()}))
        lab.drop(queue)
