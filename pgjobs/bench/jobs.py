"""Jobs as a CMS starts them, and what their rows tell about their speed."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from pgjobs.bench.book import Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, forget_peak, peak_mb, rest
from pgjobs.bench.statements import statement
from pgjobs.bench.workers import BenchError

POLL = 0.1


@dataclass(frozen=True)
class State:
    """One look at a job."""

    status: str
    considered: int
    sent: int
    at: datetime | None
    finish_at: datetime | None
    held: bool
    words: str


@dataclass(frozen=True)
class Started:
    """A job, and when its row was committed: by our clock and by the database's."""

    id: int
    asked: float
    at: datetime


def start(
    lab: Lab,
    kind: str,
    params: dict[str, object],
    file_name: str = "",
    *,
    active: bool = True,
    shards: int | None = None,
    priority: int = 5,
    rate: float | None = None,
    max_backlog: int | None = None,
) -> Started:
    """Commit a row; the clocks are read just before the commit."""
    values = {"type": kind, "params": Jsonb(params), "file_name": file_name, "active": active}
    values |= {"shards": shards, "priority": priority, "rate": rate, "max_backlog": max_backlog}
    with lab.connection.transaction():
        row = lab.connection.execute(statement("insert_job"), values).fetchone()
        assert row is not None  # noqa: S101 it returns the new row
        asked = time.monotonic()
    return Started(row[0], asked, row[1])


def look(lab: Lab, job_id: int) -> State:
    """How far a job is."""
    row = lab.connection.execute(statement("job_state"), {"id": job_id}).fetchone()
    if row is None:
        raise BenchError(f"job {job_id} is gone")
    return State(*row)


def wait_for(lab: Lab, job_id: int, *, considered: int | None = None, seconds: float = 1800) -> list[State]:
    """Look until the job has ended, or has come so far; returns the looks that saw progress."""
    until = time.monotonic() + seconds
    looks: list[State] = []
    while True:
        state = look(lab, job_id)
        if state.considered and (not looks or state.considered > looks[-1].considered or state.status == "done"):
            looks.append(state)
        if state.status == "done" or (considered is not None and state.considered >= considered):
            return looks or [state]
        if state.status in ("error", "canceled"):
            raise BenchError(f"job {job_id} ended as {state.status}: {state.words}")
        if time.monotonic() > until:
            raise BenchError(f"job {job_id} was not done after {seconds:.0f} s: {state.words}")
        time.sleep(POLL if considered is None else 0.01)


def run(
    lab: Lab,
    daemon_pid: int,
    kind: str,
    params: dict[str, object],
    file_name: str = "",
    *,
    of: str = "sent",
    shards: int | None = None,
) -> tuple[Started, Sample]:
    """Run one job to its end; the count is of what was sent, or considered."""
    rest(lab.trees, lab.scale.rest)
    forget_peak(daemon_pid)
    temp = lab.temp_bytes()
    watch = Watch({"publisher": daemon_pid, **lab.trees})
    job = start(lab, kind, params, file_name, shards=shards)
    looks = wait_for(lab, job.id)
    spent = watch.spent()
    last = looks[-1]
    if last.finish_at is None:
        raise BenchError(f"job {job.id} has no end")
    figures = {"considered": float(last.considered), "sent": float(last.sent)}
    figures["temp_mb"] = (lab.temp_bytes() - temp) / 2**20
    streamed = stream_rate(looks, of)
    if streamed is not None:
        figures["stream_rate"] = streamed
    count = last.sent if of == "sent" else last.considered
    seconds = (last.finish_at - job.at).total_seconds()
    return job, Sample(count, seconds, spent, peak_mb(daemon_pid), figures)


def stream_rate(looks: list[State], of: str) -> float | None:
    """Per second from the first checkpoint that was seen to the last one."""
    running = [state for state in looks if state.status == "in progress" and state.at is not None]
    if len(running) < 2 or running[0].at is None or running[-1].at is None:
        return None
    seconds = (running[-1].at - running[0].at).total_seconds()
    done = getattr(running[-1], of) - getattr(running[0], of)
    return float(done / seconds) if seconds > 0 else None


def stop(lab: Lab, started: list[int]) -> None:
    """Stop those of these jobs that still run, and wait until nobody holds them any more."""
    for job in started:
        with contextlib.suppress(psycopg.Error):
            lab.connection.execute("select pgjobs.stop_job(%s)", (job,))
    for job in started:
        while look(lab, job).held:
            time.sleep(0.01)
