"""f: from the commit that starts a job to its first message, from the commit that stops one to its last.

A message counts as confirmed at the first checkpoint: a little late, for its log line is on disk by then.
"""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Any

from pgjobs.bench import jobs, workers
from pgjobs.bench.arrivals import Arrivals
from pgjobs.bench.book import Key, Sample, percentile
from pgjobs.bench.lab import QUEUE_TYPES, Lab
from pgjobs.bench.meter import rest

START, CONFIRMED, STOP = "commit → first message at a consumer", "commit → first checkpoint", "stop → last message"
SMALL = 20
GLANCE = 0.002


def measure(lab: Lab) -> None:
    """Starts into each type of queue, the servers at rest before; stops in a classic one. The daemon is warm."""
    with workers.daemon(lab):
        for kind in QUEUE_TYPES:
            rest(lab.trees, lab.scale.rest)
            lab.say(f"f: {lab.scale.starts} starts, {kind} queue")
            arrived, confirmed = starts(lab, kind)
            write(lab, Key("f", START, kind), arrived)
            write(lab, Key("f", CONFIRMED, kind), confirmed)
        lab.say(f"f: {lab.scale.stops} stops")
        write(lab, Key("f", STOP, "classic"), stops(lab))


def write(lab: Lab, key: Key, seconds: list[float]) -> None:
    """Milliseconds at 50 and 99 percent."""
    figures = {f"p{percent}_ms": 1000 * percentile(seconds, percent) for percent in (50, 99)}
    lab.book.add(key, Sample(len(seconds), sum(seconds), figures=figures))


def starts(lab: Lab, kind: str) -> tuple[list[float], list[float]]:
    """Small jobs, one after another, each over a short range of dates somewhere: seconds to (arrival, checkpoint)."""
    chance = random.Random(1)  # noqa: S311 the same ranges in every run
    queue = lab.queue(f"start-{kind}", kind)
    job_type = lab.type_for("expired", queue)
    width = min(0.5, SMALL / lab.scale.records)
    arrived, confirmed = [], []
    with Arrivals(lab, queue) as arrivals:
        for turn in range(lab.scale.starts + 1):
            begin = chance.uniform(0, 1 - width)
            params: dict[str, object] = {**lab.range(begin, begin + width), "never": 1}
            job = jobs.start(lab, job_type, params)
            latency = arrivals.first(job.id) - job.asked
            jobs.wait_for(lab, job.id)
            if turn:  # the first one warms everything up
                arrived.append(latency)
                confirmed.append((first_checkpoint(lab, job.id) - job.at).total_seconds())
    lab.drop(queue)
    return arrived, confirmed


def first_checkpoint(lab: Lab, job_id: int) -> datetime:
    """When the first window of a job was confirmed, logged and stored, by the database's clock."""
    row = lab.connection.execute("select min(at) from pgjobs.checkpoints where job_id = %s", (job_id,)).fetchone()
    if row is None or row[0] is None:
        raise workers.BenchError(f"job {job_id} has no checkpoint")
    at: datetime = row[0]
    return at


def stops(lab: Lab) -> list[float]:
    """A big job stopped and resumed again and again; the last message is when the queue stops growing."""
    queue = lab.queue("stop")
    job_type = lab.type_for("expired", queue)
    params: dict[str, object] = {**lab.range(), "never": 1}
    chance = random.Random(2)  # noqa: S311 pauses between looks
    job = jobs.start(lab, job_type, params).id
    found: list[float] = []
    misses = 0
    with lab.channel() as channel:
        while len(found) < lab.scale.stops and misses < 100:
            if not _under_way(lab, job):
                job, misses = jobs.start(lab, job_type, params).id, misses + 1
                continue
            time.sleep(chance.uniform(0.05, 0.3))
            if jobs.look(lab, job).status != "in progress":
                continue
            found.append(_stop(lab, channel, queue, job))
            channel.queue_purge(queue)
            lab.connection.execute("select pgjobs.resume_job(%s)", (job,))
    if len(found) < lab.scale.stops:
        raise workers.BenchError("jobs ended before they could be stopped: the table is too small for this machine")
    lab.drop(queue)
    return found


def _under_way(lab: Lab, job_id: int) -> bool:
    """Wait until the job goes on from where it is; False when it has ended."""
    begun = jobs.look(lab, job_id).considered
    until = time.monotonic() + 30
    while time.monotonic() < until:
        state = jobs.look(lab, job_id)
        if state.status == "done":
            return False
        if state.considered > begun:
            return True
        time.sleep(0.005)
    raise workers.BenchError(f"job {job_id} did not go on within 30 s: {jobs.look(lab, job_id).words}")


def _stop(lab: Lab, channel: Any, queue: str, job_id: int) -> float:
    """Seconds from the commit of `canceled` to the moment at which the queue has its final depth."""
    with lab.connection.transaction():
        lab.connection.execute("select pgjobs.stop_job(%s)", (job_id,))
        asked = time.monotonic()
    grown, depth, held = asked, -1, True
    while held:
        held = jobs.look(lab, job_id).held
        for _ in range(5):
            now = channel.queue_declare(queue, passive=True).method.message_count
            if now != depth:
                grown, depth = time.monotonic(), now
            time.sleep(GLANCE)
    return grown - asked
