"""j: what people, daemons and Prometheus ask for, on a database with nearly nothing and on one with a long history."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import psycopg

from pgjobs.bench.book import Book, Key, Sample
from pgjobs.bench.lab import Lab, own_database
from pgjobs.bench.statements import statement
from pgjobs.pg.migrate import migrate

LETTER = "j"
SMALL, CROWDED = "small", "crowded"
SHOWN = 100
"""Jobs of each kind on the database with nearly nothing: no statement looks at more, so both show the same."""


@dataclass(frozen=True)
class Size:
    """How many jobs of each kind a database has; a running job has 20 open shards."""

    ended: int
    waiting: int
    running: int


STATEMENTS = {
    "/jobs": "select pgjobs.list_jobs(null, null, 20, null)",
    "/jobs?status=done": "select pgjobs.list_jobs('done', null, 20, null)",
    "/jobs?status=ready": "select pgjobs.list_jobs('ready', null, 20, null)",
    "/jobs?type=expired": "select pgjobs.list_jobs(null, 'expired', 20, null)",
    "/jobs?type=rare": "select pgjobs.list_jobs(null, 'rare', 20, null)",
    "/jobs?status=done&type=expired": "select pgjobs.list_jobs('done', 'expired', 20, null)",
    "/jobs?status=ready&before=": "select pgjobs.list_jobs('ready', null, 20, (select max(id) from xmp_jobs))",
    "/jobs/status": "select pgjobs.running_jobs(20)",
    "/jobs/status?id=": "select pgjobs.show_job(2)",
    "/metrics": "select * from pgjobs.metrics()",
    "job_status of one": "select * from pgjobs.job_status where id = 2",
    "job_status, newest": "select * from pgjobs.job_status order by id desc limit 20",
    "job_status, running": "select * from pgjobs.job_status where status = 'in progress' limit 20",
    "insert": statement("insert_one").decode(),
    "delete": statement("delete_one").decode(),
    "claim": "select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, '30 s', 4)",
    "wake-up": "select pgjobs.next_wakeup(true)",
    "sweep": "select pgjobs.sweep()",
}


def measure(lab: Lab) -> None:
    """Each statement by turns on both databases; what it writes is undone."""
    sizes = {SMALL: Size(10 * SHOWN, SHOWN, SHOWN), CROWDED: Size(lab.scale.history, lab.scale.history // 100, 500)}
    with contextlib.ExitStack() as stack:
        sessions = {name: stack.enter_context(database(stack, lab, name, size)) for name, size in sizes.items()}
        lab.say(f"{LETTER}: {len(STATEMENTS)} statements on both of them")
        for what, query in STATEMENTS.items():
            taken: dict[str, list[float]] = {name: [] for name in sessions}
            for _ in range(lab.scale.asks):
                for name, session in sessions.items():
                    taken[name].append(ask(session, query))
            for name, seconds in taken.items():
                figures = {"p50_ms": 1000 * median(seconds), "best_ms": 1000 * min(seconds)}
                lab.book.add(Key(LETTER, f"{what}: {name}"), Sample(len(seconds), sum(seconds), figures=figures))


def database(stack: contextlib.ExitStack, lab: Lab, name: str, size: Size) -> psycopg.Connection[tuple[object, ...]]:
    """A session on a database of its own of this size."""
    lab.say(
        f"{LETTER}: {size.ended:,} jobs that have ended, {size.waiting:,} that wait, {20 * size.running:,} open shards"
    )
    url = stack.enter_context(own_database(lab.database_url, f"pgjobs_bench_{lab.mark}_{name}"))
    migrate(url)
    session = psycopg.connect(url, autocommit=True)
    for text in fill(size):
        session.execute(text)
    return session


def fill(size: Size) -> Iterator[bytes]:
    """The statements that fill a database."""
    text = statement("crowd").decode()
    for kind in ("ended", "waiting", "running"):
        text = text.replace(f":{kind}:", str(getattr(size, kind)))
    yield text.encode()
    yield b"vacuum analyze"


def ask(session: psycopg.Connection[tuple[object, ...]], query: str) -> float:
    """Seconds that a statement takes, its triggers included."""
    with session.transaction(force_rollback=True):
        began = time.perf_counter()
        session.execute(query.encode())
        return time.perf_counter() - began


def worst(book: Book) -> float | None:
    """The worst ratio of the times on the crowded database and on the small one."""
    ratios = [each for what in STATEMENTS if (each := ratio(book, what)) is not None]
    return max(ratios, default=None)


def ratio(book: Book, what: str) -> float | None:
    """The best time of a statement on the crowded database, divided by that on the small one."""
    crowded, small = (book.figure(Key(LETTER, f"{what}: {name}"), "best_ms") for name in (CROWDED, SMALL))
    return crowded / small if crowded is not None and small else None
