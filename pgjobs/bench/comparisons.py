"""c: what people would use instead, each for a few seconds over the same rows into the same kind of queue."""

from __future__ import annotations

import importlib.util
import itertools
import time
from dataclasses import dataclass

from pgjobs.bench import workers
from pgjobs.bench.book import Key
from pgjobs.bench.lab import Lab


@dataclass(frozen=True)
class Way:
    """One way of publishing: its script, the package it needs, whether it waits for confirms."""

    name: str
    script: str
    package: str
    confirm: bool = False


CELERY, CELERY_CONFIRMS = "Celery apply_async", "Celery apply_async, confirms"
PIKA, PIKA_CONFIRMS = "pika blocking", "pika blocking, confirms"
AIO_PIKA, PREDECESSOR = "aio-pika, 1000 gathered, confirms", "declare for every publish (predecessor)"

WAYS = (
    Way(CELERY_CONFIRMS, "celery_loop", "celery", confirm=True),
    Way(CELERY, "celery_loop", "celery"),
    Way(PIKA_CONFIRMS, "pika_blocking", "pika", confirm=True),
    Way(PIKA, "pika_blocking", "pika"),
    Way(AIO_PIKA, "aio_gather", "aio_pika"),
    Way(PREDECESSOR, "predecessor", "pika"),
)
KIND = "classic"


def measure(lab: Lab) -> None:
    """Each way in turn, as often as everything else, bounded by time."""
    dates = lab.range()
    installed = [way for way in WAYS if importlib.util.find_spec(way.package) is not None]
    for way in WAYS:
        if way not in installed:
            lab.book.remark(f"{way.name}: not measured, {way.package} is not installed: pip install 'pgjobs[bench]'")
    for turn, way in itertools.product(range(lab.scale.repeat), installed):
        lab.say(f"c: {way.name}, turn {turn + 1} of {lab.scale.repeat}")
        queue = lab.queue("other", KIND)
        args = [queue, KIND, str(lab.scale.records), str(lab.scale.other_seconds), dates["date_from"], dates["date_to"]]
        sample = workers.run_script(lab, f"others.{way.script}", *args, *(["--confirm"] if way.confirm else []))
        arrived(lab, queue, sample.count)
        lab.book.add(Key("c", way.name, KIND), sample)
        lab.drop(queue)


def arrived(lab: Lab, queue: str, wanted: int, seconds: float = 30.0) -> None:
    """Wait for what was sent without confirms; it has to arrive as well."""
    until = time.monotonic() + seconds
    while (depth := lab.depth(queue)) != wanted:
        if time.monotonic() > until:
            raise workers.BenchError(f"{wanted} messages were sent, and {depth} lie in the queue")
        time.sleep(0.1)
