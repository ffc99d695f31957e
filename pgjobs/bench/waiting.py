"""o: what jobs that wait cost a daemon at rest, and a job that falls due beside them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import psycopg
from psycopg.types.json import Jsonb

from pgjobs.bench import jobs, workers
from pgjobs.bench.arrivals import Arrivals
from pgjobs.bench.book import Book, Key, Sample, percentile
from pgjobs.bench.lab import Lab, own_database
from pgjobs.bench.meter import Watch, rest
from pgjobs.bench.statements import statement
from pgjobs.lab import sample
from pgjobs.pg.migrate import migrate

LETTER = "o"
ROWS = 5000
RECORDS = 5
LOOKS = 10
LEAD_SECONDS = 0.3
"""A job that falls due is inserted so long before."""


def rest_key(number: int) -> Key:
    """A daemon that has nothing to do, beside so many jobs that wait: seconds, and what each of them costs."""
    return Key(LETTER, f"a second at rest, {number:,} jobs wait")


def due_key(number: int) -> Key:
    """A job that falls due beside so many that wait."""
    return Key(LETTER, f"due → first message, {number:,} jobs wait", "classic")


def measure(lab: Lab) -> None:
    """The same without them and with them, on a database of its own."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(own_database(lab.database_url, f"pgjobs_bench_{lab.mark}_waiting"))
        migrate(url)
        sample.load(url, retries=ROWS, transactions=2 * ROWS)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True, application_name="pgjobs bench"))
        own = replace(lab, database_url=url, connection=connection)
        # The gauges count what waits: they are refreshed as often on both sides.
        pid = stack.enter_context(workers.daemon(own, gauges_seconds=lab.scale.pace_seconds / 3))
        kind = own.type_for("expired", own.queue("due"))
        for number in (0, lab.scale.waiting):
            lab.say(f"{LETTER}: {number:,} jobs wait")
            if number:
                fill(own, kind, number)
            lab.book.add(rest_key(number), at_rest(own, pid))
            lab.book.add(due_key(number), fall_due(own, kind))


def fill(lab: Lab, kind: str, number: int) -> None:
    """Jobs that wait: for their moment, for their window, for somebody who resumes them."""
    text = statement("waiting").decode().replace(":waiting:", str(number)).replace(":type:", kind)
    lab.connection.execute(text.encode())
    lab.connection.execute("vacuum analyze")


def at_rest(lab: Lab, pid: int) -> Sample:
    """What a daemon and the servers spend while nothing is to be done, and how many connections there are at most."""
    rest(lab.trees, lab.scale.rest)
    watch, began, most = Watch({"publisher": pid, **lab.trees}), time.monotonic(), 0
    for _ in range(LOOKS):
        time.sleep(lab.scale.pace_seconds / LOOKS)
        row = lab.connection.execute(statement("connections")).fetchone()
        most = max(most, row[0] if row else 0)
    seconds = time.monotonic() - began
    return Sample(max(1, round(seconds)), seconds, watch.spent(), figures={"connections": float(most)})


def fall_due(lab: Lab, kind: str) -> Sample:
    """Jobs one after another, each inserted a little before it is due: from that moment to its first message."""
    found = []
    values = {"type": kind, "params": Jsonb({"count": RECORDS}), "number": 1, "delay": LEAD_SECONDS}
    with Arrivals(lab, kind.rsplit(" ", 1)[-1]) as arrivals:
        for turn in range(lab.scale.dues + 1):
            with lab.connection.transaction():
                row = lab.connection.execute(statement("insert_small"), values).fetchone()
                asked = time.monotonic()
            assert row is not None  # noqa: S101 it returns the id and two moments
            job, committed, due = row
            latency = arrivals.first(job) - asked - max(0.0, due - committed)
            jobs.wait_for(lab, job)
            if turn:  # the first one warms everything up
                found.append(latency)
    figures = {f"p{percent}_ms": 1000 * percentile(found, percent) for percent in (50, 99)}
    return Sample(len(found), sum(found), figures=figures)


def later(book: Book) -> float | None:
    """By how many milliseconds p99 is later beside the jobs that wait."""
    values = [book.figure(key, "p99_ms") for key in book.samples if key.letter == LETTER]
    found = [each for each in values if each is not None]
    return found[1] - found[0] if len(found) == 2 else None


def dearer(book: Book) -> float | None:
    """How many milliseconds of processor time a second at rest costs daemon and PostgreSQL more beside them."""
    spent = [
        sum(book.micros(key, who) or 0.0 for who in ("publisher", "postgres"))
        for key in book.samples
        if key.letter == LETTER and not key.queue
    ]
    return (spent[1] - spent[0]) / 1000 if len(spent) == 2 else None
