"""s: people who watch a job while it runs at full speed: what they cost it, and whether each sees it to its end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pgjobs.bench import jobs, workers
from pgjobs.bench.book import Key, Sample
from pgjobs.bench.doors import web
from pgjobs.bench.lab import Lab
from pgjobs.bench.live import check
from pgjobs.bench.meter import Watch, cpu_seconds, rest
from pgjobs.bench.statements import statement

LETTER = "s"
VIEWERS = 200
ALONE = Key(LETTER, "job nobody watches", "classic")
WATCHED = Key(LETTER, f"job with {VIEWERS} viewers", "classic")


@dataclass
class Seen:
    """What the viewers of a job were told, and how many connections to the database the web process had meanwhile."""

    connections: int = 0
    viewers: list[dict[str, Any]] = field(default_factory=list)


def measure(lab: Lab) -> None:
    """In turns: a job alone, and the same with viewers."""
    with workers.daemon(lab) as pid, web(lab) as (web_pid, port):
        for turn in range(lab.scale.repeat):
            lab.say(f"{LETTER}: a job alone, and with {VIEWERS} viewers, turn {turn + 1} of {lab.scale.repeat}")
            lab.book.add(ALONE, job(lab, pid, web_pid, port, 0))
            lab.book.add(WATCHED, job(lab, pid, web_pid, port, VIEWERS))


def job(lab: Lab, pid: int, web_pid: int, port: int, viewers: int) -> Sample:
    """One live job from the moment on at which it is set active, and everybody watches it, to its end."""
    queue = lab.queue("watched")
    params: dict[str, object] = {**lab.range(), "never": 1, "count": lab.scale.part}
    held = jobs.start(lab, lab.type_for("expired", queue), params, active=False)
    with watching(lab, port, held.id, viewers) as seen:
        rest(lab.trees, lab.scale.rest)
        watch, before = Watch({"publisher": pid, **lab.trees}), cpu_seconds(web_pid)
        row = lab.connection.execute(statement("activate_job"), {"id": held.id}).fetchone()
        assert row is not None  # noqa: S101 the job is there
        last = jobs.wait_for(lab, held.id)[-1]
        spent = watch.spent()
        figures = {"web process, cpu_ms": (cpu_seconds(web_pid) - before) * 1000}
    if last.finish_at is None:
        raise workers.BenchError(f"job {held.id} has no end")
    if viewers:
        figures |= judged(seen, last.sent)
    check(lab, queue, last.sent)
    lab.drop(queue)
    return Sample(last.sent, (last.finish_at - row[0]).total_seconds(), spent, figures=figures)


def judged(seen: Seen, sent: int) -> dict[str, float]:
    """What the viewers have seen, in figures; one that was not told the end, or another one, breaks the measurement."""
    lost = [told for told in seen.viewers if (told["last"], told["sent"]) != ("ended", sent)]
    if lost or len(seen.viewers) != VIEWERS:
        raise workers.BenchError(f"{len(lost)} of {len(seen.viewers)} viewers did not see the end: {lost[:1]}")
    events = [told["events"] for told in seen.viewers]
    return {
        "connections": float(seen.connections),
        "events, fewest": float(min(events)),
        "events, median": float(median(events)),
        "lost": 0.0,
    }


@contextlib.contextmanager
def watching(lab: Lab, port: int, job_id: int, viewers: int) -> Iterator[Seen]:
    """So many viewers who have seen the job once; behind it they have all seen it end."""
    seen = Seen()
    if not viewers:
        yield seen
        return
    module = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", "pgjobs.bench.streams"]
    errors = lab.folder / "streams.log"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(
            [*module, str(port), str(viewers), f"/job/{job_id}/live"],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=workers.environment(lab),
        ) as process,
    ):
        try:
            assert process.stdout is not None  # noqa: S101 it is a pipe
            if process.stdout.readline() != b"ready\n":
                raise workers.BenchError(f"the viewers did not start: {errors.read_text(errors='replace')[-300:]}")
            yield seen
            row = lab.connection.execute(statement("web_connections")).fetchone()
            seen.connections = row[0] if row else 0
            seen.viewers = json.loads(process.stdout.readline() or b'{"viewers": []}')["viewers"]
        finally:
            process.kill()
