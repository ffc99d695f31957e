"""r: each view of the jobs page over a long history: its time in the database, and to the first byte of its answer."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import psycopg
from psycopg.rows import dict_row

from pgjobs.bench import doors
from pgjobs.bench.book import Book, Key, Sample, percentile
from pgjobs.bench.lab import Lab, own_database
from pgjobs.bench.statements import statement
from pgjobs.pg.migrate import migrate

LETTER = "r"
LISTS: Mapping[str, Mapping[str, str]] = {
    "list": {},
    "next page": {"after": "{middle}"},
    "page before": {"before": "{middle}"},
    "last page": {"before": "end"},
    "oldest first": {"sort": "oldest"},
    "100 of a page": {"size": "100"},
    "by start": {"sort": "started"},
    "by end": {"sort": "finished"},
    "by end, last page": {"sort": "finished", "before": "end"},
    "by priority and due time": {"sort": "next"},
    "by name": {"sort": "name"},
    "Creating": {"status": "Creating"},
    "Waiting": {"status": "Waiting"},
    "Started": {"status": "Started"},
    "Stopped": {"status": "Stopped"},
    "Error": {"status": "Error"},
    "Fail": {"status": "Fail"},
    "Finished": {"status": "Finished"},
    "Error or Fail, by end": {"status": "Error,Fail", "sort": "finished"},
    "a type": {"type": "expired"},
    "a rare type": {"type": "rare"},
    "a rare type, by end": {"type": "rare", "sort": "finished"},
    "a type and a status": {"type": "injection", "status": "Error"},
    "a name": {"name": "campaign 77 "},
    "a name that is nowhere": {"name": "zebra"},
    "a reference": {"reference": "ref-77"},
    "a submitter": {"who": "token cms-7"},
    "a submitter that is nobody": {"who": "token nobody"},
    "a user": {"user": "77"},
    "a user and Fail": {"user": "77", "status": "Fail"},
    "a task": {"task": "7"},
    "a job": {"job": "{ended}"},
    "a day": {"created_from": "{day}", "created_to": "{day} 23:59:59"},
    "a type before a day": {"created_to": "{day}", "type": "mailing", "status": "Error"},
    "what is nowhere, among all": {"user": "0", "name": "campaign", "sort": "started"},
}
"""Lists by their parameters. {names} stand for jobs of the history."""


class View(NamedTuple):
    """A path, and the statement behind it: None where there is no single one."""

    path: str
    statement: str | None = None


VIEWS: Mapping[str, View] = {
    "job that runs": View("/job/{running}", "select pgjobs.page_job({running})"),
    "job that has ended": View("/job/{ended}", "select pgjobs.page_job({ended})"),
    "job that waits": View("/job/{waiting}", "select pgjobs.page_job({waiting})"),
    "job that has broken off": View("/job/{broken}", "select pgjobs.page_job({broken})"),
    "job with items": View("/job/{tracked}", "select pgjobs.page_job({tracked})"),
    "events": View("/job/{ended}/events", "select pgjobs.page_events({ended}, null, 100)"),
    "items": View("/job/{tracked}/items", "select pgjobs.page_items({tracked})"),
    "items that failed": View("/job/{tracked}/items?status=Error", "select pgjobs.page_items({tracked}, 'Error')"),
    "item": View("/job/{tracked}/items/{failed}", "select pgjobs.page_item({tracked}, {failed})"),
    "log": View("/job/{ended}/log", "select pgjobs.page_log({ended})"),
    "end of the log": View("/job/{ended}/log/lines?offset=0"),
    "report": View("/job/{ended}/report"),
    "report as JSON": View("/job/{ended}/report.json"),
    "progress": View("/job/{running}/progress", "select pgjobs.page_progress(array[{running}]::bigint[])"),
    "progress as a stream": View("/job/{running}/live"),
    "top of the list": View("/live/rows?top=*", "select pgjobs.page_top('{\"\"}')"),
    "rows of the list": View("/live/rows?ids={running},{waiting}"),
    "rows of the list as a stream": View("/live?ids={running},{waiting}"),
    "system": View("/system", "select pgjobs.page_system()"),
    "tasks": View("/tasks", "select pgjobs.page_tasks()"),
    "alerts": View("/alerts", "select pgjobs.page_alerts()"),
    "sign-in": View("/sign-in"),
    "stylesheet": View("/static/page.css"),
    "script": View("/static/live.js"),
    "script-parts": View("/static/patch.js"),
    "metrics": View("/metrics", "select * from pgjobs.metrics()"),
    "healthz": View("/healthz"),
}
"""Further views, likewise. Of each endpoint of the page there is one; a test sees to that."""
HOST = "bench"
LINES = 200_000


def key(name: str) -> Key:
    """Where a view stands in the book."""
    return Key(LETTER, name)


def all_views() -> dict[str, View]:
    """Every view by its name."""
    lists = {}
    for name, asked in LISTS.items():
        path = f"/?{urlencode(asked, safe='{}')}" if asked else "/"
        lists[f"list: {name}"] = View(path, f"select pgjobs.page_jobs('{json.dumps(asked)}')")
    return lists | dict(VIEWS)


def filled(text: str, jobs: Mapping[str, Any]) -> str:
    """A path or a statement with the jobs of this history in it."""
    for name, value in jobs.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def measure(lab: Lab) -> None:
    """Fill a database, then ask for each view by its statement and through a web process."""
    with contextlib.ExitStack() as stack:
        lab.say(f"{LETTER}: a history of {lab.scale.views:,} jobs")
        url = stack.enter_context(own_database(lab.database_url, f"pgjobs_bench_{lab.mark}_history"))
        migrate(url)
        session = stack.enter_context(psycopg.connect(url, autocommit=True, row_factory=dict_row))
        for row in session.execute(statement("drop_job_indexes")).fetchall():
            session.execute(next(iter(row.values())).encode())
        for text in fill(lab.scale.views):
            session.execute(text)
        build_indexes(lab, session)
        session.execute("vacuum analyze")
        jobs = session.execute(statement("history_jobs")).fetchone() or {}
        place_log(lab, session, jobs["ended"])
        _, port = stack.enter_context(doors.web(lab, url, log_host=HOST, log_dir=lab.logs))
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120))
        lab.say(f"{LETTER}: {len(all_views())} views")
        for name, view in all_views().items():
            figures: dict[str, float] = {}
            if view.statement is not None:
                figures |= timed("database", list(in_database(session, filled(view.statement, jobs), lab.scale.asks)))
            path = filled(view.path, jobs)
            taken = list(first_bytes(http, path, lab.scale.asks))
            if not taken:
                lab.book.remark(f"{LETTER}: {path} was answered with an error")
                continue
            lab.book.add(key(name), Sample(len(taken), sum(taken), figures=figures | timed("first byte", taken)))


def timed(what: str, seconds: list[float]) -> dict[str, float]:
    """The median and the slowest but one of a hundred, in milliseconds."""
    return {f"{what}_ms": 1000 * median(seconds), f"{what} p99_ms": 1000 * percentile(seconds, 99)}


def fill(number: int) -> Iterator[bytes]:
    """The statements that fill a database with so many jobs."""
    yield from statement_of("history", jobs=number, items=max(1000, min(1_000_000, number // 10)))


def statement_of(name: str, **values: int) -> Iterator[bytes]:
    """The statements of a file, one after another, with these values in it."""
    text = statement(name).decode()
    for placeholder, value in values.items():
        text = text.replace(f":{placeholder}:", str(value))
    for part in text.split(";\n"):
        if part.strip():
            yield part.encode()


def build_indexes(lab: Lab, session: psycopg.Connection[dict[str, Any]]) -> None:
    """Build each index on the filled table, timed: so long a migration takes for it."""
    while step := session.execute("select * from pgjobs.index_steps() where statement is not null").fetchone():
        began = time.monotonic()
        session.execute(step["statement"].encode())
        seconds = time.monotonic() - began
        size = session.execute(
            "select pg_relation_size(%s::regclass) as bytes", (f"public.{step['index']}",)
        ).fetchone()
        figures = {"size_mb": (size or {"bytes": 0})["bytes"] / 2**20, "time_ms": 1000 * seconds}
        lab.book.add(key(f"index {step['index']}"), Sample(lab.scale.views, seconds, figures=figures))


def place_log(lab: Lab, session: psycopg.Connection[dict[str, Any]], job: int) -> None:
    """A log of LINES lines for this job, where the web process finds it."""
    path = lab.logs / f"history-{job}.log"
    path.write_text("".join(f"{n},92300{n:07},sent,2026-11-26T19:30:05Z\n" for n in range(LINES)))
    values = {"id": job, "host": HOST, "path": str(path), "bytes": path.stat().st_size}
    session.execute(statement("place_log"), values)


def in_database(session: psycopg.Connection[dict[str, Any]], query: str, times: int) -> Iterator[float]:
    """Seconds that a statement takes, each time."""
    for _ in range(times):
        began = time.perf_counter()
        session.execute(query.encode()).fetchall()
        yield time.perf_counter() - began


def first_bytes(http: httpx.Client, path: str, times: int) -> Iterator[float]:
    """Seconds until the first byte of an answer, each time; none where it is an error."""
    for _ in range(times):
        began = time.perf_counter()
        with http.stream("GET", path) as answer:
            if answer.is_error:
                return
            yield time.perf_counter() - began


def slowest(book: Book) -> float | None:
    """The median of the slowest view to its first byte, in milliseconds."""
    found = [book.figure(key(name), "first byte_ms") for name in all_views()]
    return max((each for each in found if each is not None), default=None)
