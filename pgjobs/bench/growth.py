"""g: does time grow like the table, and memory not at all; how soon goes a job on that was stopped near its end."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from psycopg import sql

from pgjobs.bench import jobs, workers
from pgjobs.bench.arrivals import Arrivals
from pgjobs.bench.book import Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, peak_mb, rest
from pgjobs.bench.statements import statement
from pgjobs.lab import sample as samples

BACKLOG = 100_000


def key(rows: int) -> Key:
    """Where a size stands in the book."""
    return Key("g", f"live over {rows:,} rows", "classic")


def measure(lab: Lab) -> None:
    """Each size with a fresh daemon, into a queue that keeps a bounded backlog."""
    for rows in lab.scale.growth:
        enlarge(lab, rows)
        lab.say(f"g: live over {rows:,} rows, stopped and resumed at {lab.scale.resume_at:.0%}")
        queue = lab.queue("growth", "classic", **{"x-max-length": BACKLOG})
        with workers.daemon(lab) as pid:
            lab.book.add(key(rows), grown(lab, pid, queue, rows / lab.scale.records))
        lab.drop(queue)


def enlarge(lab: Lab, rows: int) -> None:
    """Load the tables anew where they have too few rows; where they have more, a range of dates will do."""
    if rows <= lab.scale.records:
        return
    lab.say(f"g: loading {rows:,} retries and {2 * rows:,} transactions")
    tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in samples.TABLES)
    lab.connection.execute(sql.SQL("truncate {}").format(tables))
    samples.load(lab.database_url, retries=rows, transactions=2 * rows)
    lab.scale = replace(lab.scale, records=rows)


def grown(lab: Lab, pid: int, queue: str, share: float) -> Sample:
    """One job in two parts; the time between its stop and its resume does not count."""
    rest(lab.trees, lab.scale.rest)
    temp = lab.temp_bytes()
    watch = Watch({"publisher": pid, **lab.trees})
    job = jobs.start(lab, lab.type_for("expired", queue), {**lab.range(0.0, share), "never": 1})
    while fraction(lab, job.id) < lab.scale.resume_at:
        time.sleep(0.01)
    lab.connection.execute("select pgjobs.stop_job(%s)", (job.id,))
    stopped = let_go(lab, job.id)
    with lab.channel() as channel:
        channel.queue_purge(queue)
    with Arrivals(lab, queue, acknowledge=False) as arrivals:
        asked, asked_at = resume(lab, job.id)
        try:
            resumed = arrivals.first(job.id) - asked
        except workers.BenchError as error:
            raise workers.BenchError(f"{error.sentence}: {situation(lab, job.id)}") from error
    last = jobs.wait_for(lab, job.id)[-1]
    if last.finish_at is None:
        raise workers.BenchError(f"job {job.id} has no end")
    figures = {
        "resume_ms": 1000 * resumed,
        "temp_mb": (lab.temp_bytes() - temp) / 2**20,
        "considered": float(last.considered),
    }
    seconds = (stopped - job.at + (last.finish_at - asked_at)).total_seconds()
    return Sample(last.sent, seconds, watch.spent(), peak_mb(pid), figures)


def fraction(lab: Lab, job_id: int) -> float:
    """Which part of its keys a job has behind it; an error when it ends too soon."""
    state = jobs.look(lab, job_id)
    if state.status not in ("ready", "in progress"):
        raise workers.BenchError(f"job {job_id} is {state.status} before it could be stopped: {state.words}")
    row = lab.connection.execute(statement("job_fraction"), {"id": job_id}).fetchone()
    return float(row[0]) if row else 0.0


def situation(lab: Lab, job_id: int) -> str:
    """What an operator would look at where a job does not move."""
    row = lab.connection.execute(statement("job_situation"), {"id": job_id}).fetchone()
    return str(row[0]) if row else "it is gone"


def let_go(lab: Lab, job_id: int) -> datetime:
    """Wait until a stopped job is let go of; returns when its last change was."""
    while True:
        state = jobs.look(lab, job_id)
        if not state.held and state.at is not None:
            return state.at
        time.sleep(0.005)


def resume(lab: Lab, job_id: int) -> tuple[float, datetime]:
    """Resume; the moment just before the commit by our clock and by the database's."""
    with lab.connection.transaction():
        row = lab.connection.execute("select clock_timestamp() from pgjobs.resume_job(%s)", (job_id,)).fetchone()
        assert row is not None  # noqa: S101 a function call answers with a row
        return time.monotonic(), row[0]
