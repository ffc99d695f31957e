"""a and b: what the broker takes, and what a live job makes of it, in turns; then the whole table once."""

from __future__ import annotations

from pathlib import Path

from pgjobs.bench import jobs, profiler, workers
from pgjobs.bench.book import Key
from pgjobs.bench.lab import QUEUE_TYPES, Lab

CEILING, LIVE, WHOLE = "ceiling", "pgjobs, live", "pgjobs, live, whole table"


def ceiling(lab: Lab, queue: str, count: int) -> None:
    """One repetition of the ceiling in a queue, which is then checked to hold what was confirmed."""
    kind = queue.rsplit("-", 1)[-1]
    held = jobs.start(lab, "expired", {**lab.range(), "never": 1}, active=False)
    sample = workers.run_script(lab, "ceiling", queue, str(count), str(held.id))
    check(lab, queue, sample.count)
    lab.book.add(Key("a", CEILING, kind), sample)


def check(lab: Lab, queue: str, wanted: int) -> None:
    """What was confirmed has to lie in the queue."""
    depth = lab.depth(queue)
    if depth != wanted:
        raise workers.BenchError(f"{wanted} messages were confirmed, and {depth} lie in the queue")


def live(lab: Lab, daemon_pid: int, name: str, kind: str, **params: object) -> None:
    """One repetition of a live job with a date range, never and de-duplication."""
    queue = lab.queue(kind, kind)
    job_type = lab.type_for("expired", queue)
    _, sample = jobs.run(lab, daemon_pid, job_type, {**lab.range(), "never": 1, **params})
    check(lab, queue, sample.count)
    lab.book.add(Key("b", name, kind), sample)
    lab.drop(queue)


def measure(lab: Lab, profile: Path | None) -> None:
    """Alternate, for each type of queue."""
    scale, letters = lab.scale, lab.scale.letters
    with workers.daemon(lab) as pid:
        for kind in QUEUE_TYPES:
            for turn in range(scale.repeat):
                lab.say(f"a, b: ceiling and live job, {kind} queue, turn {turn + 1} of {scale.repeat}")
                if "a" in letters:
                    queue = lab.queue(kind, kind)
                    ceiling(lab, queue, scale.part)
                    lab.drop(queue)
                if "b" in letters:
                    live(lab, pid, LIVE, kind, count=scale.part)
            if "b" in letters:
                lab.say(f"b: the whole table, {kind} queue")
                live(lab, pid, WHOLE, kind)
        if profile is not None:
            lab.say("b: once more, with the profiler")
            with profiler.recording(pid, profile):
                live(lab, pid, "pgjobs, live, while profiled", "quorum")
