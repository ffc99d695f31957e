"""Items of jobs in any state, as rows written past the triggers and without a daemon: for pages, which only look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest
from fix_jobs import Db, past_triggers

TYPE = """
insert into xmp_job_types (name, selector, routing_key, tracked, retry_limit, execution_limit, title)
values ('kept', 'pgjobs.expired_records', 'x', true, 3, '90 s', 'Kept <work>')
"""
CLOSED = "sftcx"
ODD_TEXTS = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert('1')>",
    "a\u202eb\u2066c",
    "\x01\x1b[31m\x7f",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "=cmd|' /C calc'!A0",
    "m\u00fcll\U0001f600",
    "x" * 10_000,
)
"""What a page has to show as text, whoever it comes from."""


class Item(NamedTuple):
    """An item as the tests have it."""

    key: int
    status: str = "w"
    target: bytes | None = None
    result: str | None = None
    body: bytes | None = b"{}"
    description: str | None = None
    attempts: int | None = None
    steps: str | None = None
    answer: str | None = None
    agent: str | None = None
    code: str | None = None
    acked: bool = False


class Kept:
    """A tracked type, and jobs with items."""

    def __init__(self, db: Db) -> None:
        self.db = db
        with past_triggers(db):
            db.execute(TYPE)

    def job(self, items: Sequence[Item] = (), status: str = "in progress", **columns: object) -> int:
        """A job that has begun, with these items; so many bodies lie in a row."""
        columns = {"type": "kept", "status": status, "params": "{}"} | columns
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with past_triggers(self.db):
            statement = f"insert into xmp_jobs ({names}) values ({marks}) returning id"  # noqa: S608 - names of the test
            job = int(self.db.value(statement, *columns.values()))
            self.db.execute(
                "insert into pgjobs.shards (job_id, attempt, prepared_at, started_at) values (%s, 1, now(), now())",
                (job,),
            )
        for item in items:
            self.add(job, item)
        self.db.execute(
            "insert into pgjobs.item_counts (job_id, slot, status, n)"
            " select i.job_id, i.key %% 2, i.status, count(*) from pgjobs.items i where i.job_id = %s group by 1, 2, 3",
            (job,),
        )
        ordered = sorted(items, key=lambda item: item.key)
        for first in range(0, len(ordered), 7):
            part = ordered[first : first + 7]
            keys, bodies = [item.key for item in part], [item.body for item in part]
            self.db.execute(
                "insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies) values (%s, %s, %s, %s, %s)",
                (job, keys[0], keys[-1], keys, bodies),
            )
        return job

    def add(self, job: int, item: Item) -> None:
        """One more item, which nobody counts."""
        attempts = item.attempts if item.attempts is not None else int(item.status not in "wxc")
        self.db.execute(
            "insert into pgjobs.items (job_id, key, status, target, result, description, attempts, steps, answer,"
            " agent, code, launched_at, acked_at, closed_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " case when %s then '2026-11-26 19:30:05Z'::timestamptz end,"
            " case when %s then '2026-11-26 19:30:06Z'::timestamptz end,"
            " case when %s then '2026-11-26 19:31:00Z'::timestamptz end)",
            (job, *item[:2], *item[2:4], item.description, attempts, item.steps, item.answer, item.agent, item.code,
             attempts > 0, item.acked, item.status in CLOSED),
        )  # fmt: skip


@pytest.fixture
def kept(db: Db) -> Kept:
    """A tracked type whose jobs are written by hand."""
    return Kept(db)


class Text(HTMLParser):
    """What a page shows as text, and what it would load or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.cells: list[list[str]] = []
        self.heads: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.alive: list[str] = []
        self._path: list[str] = []
        self._link: str | None = None
        self.feed(html)

    @property
    def text(self) -> str:
        """All of it, with single blanks; thin ones stay."""
        return re.sub("[ \t\n]+", " ", " ".join(self.words)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.cells.append([])
        if tag == "td":
            self.cells[-1].append("")
        if tag == "th" and "scope" in given and given["scope"] == "col":
            self.heads.append("")
        if tag == "a":
            self._link = given.get("href")
            self.links.append((self._link or "", ""))
        own = tag in ("script", "link") and (given.get("src") or given.get("href") or "").startswith(
            ("/static/", "data:image")
        )
        if tag in ("script", "iframe", "img", "object", "embed", "base", "style") and not own:
            self.alive.append(tag)
        self.alive += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.alive += [
            str(value) for name, value in attrs if name in ("href", "src") and str(value).startswith("javascript")
        ]
        if tag not in ("br", "img", "input", "meta", "link", "rect", "path", "hr"):
            self._path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._path:
            while self._path.pop() != tag:
                pass
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if "td" in self._path and self.cells and self.cells[-1]:
            self.cells[-1][-1] += data
        if "th" in self._path and self.heads:
            self.heads[-1] += data
        if self._link is not None:
            address, said = self.links[-1]
            self.links[-1] = (address, said + data)

    def link(self, said: str) -> str | None:
        """The address of the link that says this; None: there is none."""
        return next((address for address, words in self.links if said in words), None)


def shown(answer: Any) -> Text:
    """A page of HTML that holds nothing alive but what belongs to it."""
    assert "text/html; charset=utf-8" == answer.headers["content-type"]
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    read = Text(answer.text)
    assert [] == read.alive
    return read
