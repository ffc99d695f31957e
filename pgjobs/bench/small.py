"""l: very small jobs, many at once: what a job costs that has hardly any records."""

from __future__ import annotations

import time

from psycopg.types.json import Jsonb

from pgjobs.bench import workers
from pgjobs.bench.book import Key, Sample
from pgjobs.bench.lab import Lab
from pgjobs.bench.meter import Watch, forget_peak, peak_mb, rest
from pgjobs.bench.statements import statement

LETTER = "l"
RECORDS = 5
SECONDS = 600.0
LEAD_SECONDS = 3.0
"""Jobs that fall due together are inserted so long before."""
INSERTED = Key(LETTER, f"jobs of {RECORDS} records, inserted in one transaction")
DUE = Key(LETTER, f"jobs of {RECORDS} records that fall due in one second")


def measure(lab: Lab) -> None:
    """Jobs that are inserted together, then jobs that fall due together; the count is of jobs."""
    with workers.daemon(lab) as pid:
        for turn in range(lab.scale.repeat):
            lab.say(f"{LETTER}: {lab.scale.small:,} jobs at once, turn {turn + 1} of {lab.scale.repeat}")
            lab.book.add(INSERTED, run(lab, pid, lab.scale.small, 0.0))
            lab.say(f"{LETTER}: {lab.scale.small // 4:,} jobs fall due, turn {turn + 1} of {lab.scale.repeat}")
            lab.book.add(DUE, run(lab, pid, lab.scale.small // 4, LEAD_SECONDS))


def run(lab: Lab, pid: int, number: int, delay: float) -> Sample:
    """So many jobs that are due after so many seconds, from that moment on."""
    queue = lab.queue("small")
    kind = lab.type_for("expired", queue)
    values = {"type": kind, "params": Jsonb({"count": RECORDS}), "number": number, "delay": delay}
    rest(lab.trees, lab.scale.rest)
    forget_peak(pid)
    with lab.connection.transaction():
        inserted = lab.connection.execute(statement("insert_small"), values).fetchone()
        watch = Watch({"publisher": pid, **lab.trees})
    assert inserted is not None  # noqa: S101 it returns the first id and two moments
    first, committed, due = inserted
    until = time.monotonic() + SECONDS
    while True:
        row = lab.connection.execute(statement("small_jobs"), {"first": first}).fetchone()
        done, broken, ended = row or (0, 0, 0.0)
        if done == number:
            break
        if broken or time.monotonic() > until:
            raise workers.BenchError(f"of {number} small jobs {done} are done and {broken} have broken off")
        time.sleep(0.2)
    seconds = ended - max(committed, due)
    sample = Sample(number, seconds, watch.spent(), peak_mb(pid), {"all_seconds": seconds})
    if (found := lab.depth(queue)) != number * RECORDS:
        raise workers.BenchError(f"{found:,} messages of {number * RECORDS:,} are in the queue")
    lab.drop(queue)
    return sample
