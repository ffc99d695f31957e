"""Jobs of every kind for the list of the jobs page, written past the triggers, and the list as SQL answers it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fix_jobs import Db, past_triggers

Row = dict[str, Any]
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = (
    "Spring campaign",
    "spring cleaning",
    "SPRING_100%",
    "Autumn",
    "a\\b",
    "\u0410\u043a\u0446\u0438\u044f",
    "x" * 200,
    None,
    None,
)
WHO = ("token cms-1", "token night shift", "http from 10.0.0.7", None, None)
STATUS_WORDS = ("Creating", "Waiting", "Started", "Stopped", "Error", "Finished", "Fail")
STATUSES = ("ready", "in progress", "done", "done", "done", "canceled", "error")
JOB = (
    "insert into xmp_jobs (type, status, params, created_at, run_at, finish_at, active, name, reference_id, id_user,"
    " submitted_by, task_id, priority)"
    " values (%(type)s, %(status)s, '{}', %(created_at)s, %(created_at)s, %(finish_at)s, %(active)s, %(name)s,"
    " %(reference)s, %(user)s, %(who)s, %(task)s, %(priority)s) returning id"
)
SHARD = (
    "insert into pgjobs.shards (job_id, shard, priority, due_at, started_at, prepared_at, finished_at, expand, cleared)"
    " values (%(id)s, %(shard)s, %(priority)s, %(due_at)s, %(started_at)s, %(started_at)s, %(finished_at)s,"
    " %(expand)s, %(cleared)s)"
)
WORDS = "select w.page from xmp_jobs j, pgjobs.state_words(pgjobs.job_state(j)) w where j.id = %s"


def page(db: Db, **asked: object) -> Row:
    """A page of the list, as SQL answers it."""
    given = {name: str(value) for name, value in asked.items() if value is not None}
    found: Row = db.value("select pgjobs.page_jobs(%s::jsonb)", json.dumps(given))
    return found


def shown(found: Row) -> list[int]:
    """The numbers of the jobs of a page."""
    return [int(job["id"]) for job in found["jobs"]]


def pages(db: Db, way: str = "next", **asked: object) -> list[int]:
    """The jobs of all pages, one after another: onwards from the first one, or backwards from the last one."""
    parameter, place = ("after", None) if way == "next" else ("before", "end")
    found: list[int] = []
    for _ in range(1000):
        answer = page(db, **asked, **{parameter: place})
        found = found + shown(answer) if way == "next" else shown(answer) + found
        place = answer[way]
        if place is None:
            return found
    raise AssertionError("there are too many pages")


def bounded(db: Db, *, few: int, most: int | None = None) -> None:
    """Of so few jobs that a filter finds the list takes all and sorts them; through so many it looks at most."""
    text = db.value("select pg_get_functiondef('pgjobs.page_list_walk'::regproc)")
    assert "_few constant bigint := 1000" in text
    db.execute(text.replace("_few constant bigint := 1000", f"_few constant bigint := {few}").encode())
    if most is not None:
        text = db.value("select pg_get_functiondef('pgjobs.most_listed'::regproc)")
        assert "20000" in text
        db.execute(text.replace("20000", str(most)).encode())


class Crowd:
    """Some hundred jobs, and what a reader of all rows would say of each."""

    def __init__(self, db: Db, number: int, seed: int = 14) -> None:
        self.db = db
        self._chance = random.Random(seed)  # noqa: S311 no secret
        self.rows: list[Row] = []
        with past_triggers(db):
            db.execute(
                "insert into xmp_job_types (name, selector, routing_key) values ('rare', 'pgjobs.expired_records', 'x')"
            )
            db.execute("update pgjobs.switch set held = false")
        for _ in range(number):
            self.add()

    def add(self, **given: object) -> Row:
        """One more job of any kind, newer than all others."""
        chance, n = self._chance, len(self.rows)
        status = chance.choice(STATUSES)
        created = BEGAN + timedelta(hours=n // 2)
        ended = status in ("done", "canceled", "error")
        began = status in ("in progress", "done", "error") or chance.random() < 0.3
        row: Row = {
            "type": chance.choice(["expired"] * 9 + ["injection"] * 5 + ["rare"]),
            "status": status,
            "created_at": created,
            "finish_at": created + timedelta(hours=chance.randrange(50)) if ended else None,
            "active": chance.random() < 0.7,
            "name": chance.choice(NAMES),
            "reference": chance.choice(["A-1", "A-2", "\u00e9" * 200, None, None, None]),
            "user": chance.choice([0, 7, 8]),
            "who": chance.choice(WHO),
            "task": chance.choice([None, None, 3]),
            "priority": chance.choice([0, 5, 5, 5, 10]),
            "started_at": created + timedelta(minutes=chance.randrange(600)) if began else None,
            "due": [],
        } | given
        with past_triggers(self.db):
            row["id"] = int(self.db.execute(JOB, row).fetchone()[0])  # type: ignore[index]
            for shard in range(chance.choice([1, 1, 3])):
                waits = row["status"] in ("ready", "in progress") and chance.random() < 0.6
                due = created + timedelta(minutes=chance.randrange(5)) if waits else None
                self.db.execute(
                    SHARD,
                    row
                    | {
                        "shard": shard,
                        "due_at": due,
                        "finished_at": row["finish_at"] if row["status"] == "done" else None,
                        "started_at": row["started_at"] and row["started_at"] + timedelta(minutes=shard),
                        "expand": row["status"] == "ready" and chance.random() < 0.2,
                        "cleared": ["lines"] if row["status"] == "error" and chance.random() < 0.3 else None,
                    },
                )
                if due:
                    row["due"].append(due)
            self.db.execute(
                "insert into pgjobs.job_counts (type, status, jobs) values (%s, %s, 1)", (row["type"], row["status"])
            )
        row["word"] = self.db.value(WORDS, row["id"])
        self.rows.append(row)
        return row

    def look(self) -> None:
        """Ask again for the status word of each job: something has changed for all of them."""
        for row in self.rows:
            row["word"] = self.db.value(WORDS, row["id"])

    def expected(self, asked: Row) -> list[int]:
        """The jobs that a list has to have which is asked for this, in their order."""
        rows = [row for row in self.rows if _meets(row, asked)]
        match asked.get("sort", "name" if asked.get("name") else "newest"):
            case "newest" | "oldest" as sort:
                by_time = "created_from" in asked or "created_to" in asked
                rows.sort(key=lambda row: (row["created_at"] if by_time else 0, row["id"]), reverse=sort == "newest")
            case "started":
                rows = [row for row in rows if row["started_at"]]
                rows.sort(key=lambda row: (row["started_at"], row["id"]), reverse=True)
            case "finished":
                rows = [row for row in rows if row["finish_at"]]
                rows.sort(key=lambda row: (row["finish_at"], row["id"]), reverse=True)
            case "next":
                rows = [row for row in rows if row["due"]]
                rows.sort(key=lambda row: (-row["priority"], min(row["due"]), row["id"]))
            case "name":
                rows = [row for row in rows if row["name"] is not None]
                rows.sort(key=lambda row: (row["name"].lower()[:60].encode(), row["id"]))
        return [row["id"] for row in rows]

    def wishes(self) -> Row:
        """What somebody might ask for: some filters, an order and a size."""
        chance, row = self._chance, self._chance.choice(self.rows)
        wishes: Row = {"sort": chance.choice(["newest", "oldest", "started", "finished", "next", "name", None])}
        wishes["size"] = chance.choice([25, 25, 50, 100])
        filters: Row = {
            "status": ",".join(chance.sample(STATUS_WORDS, 2)),
            "type": row["type"],
            "user": row["user"],
            "who": row["who"],
            "task": row["task"],
            "reference": row["reference"],
            "name": row["name"] and _respelt(row["name"][: chance.choice([1, 3, 7, 100])]),
            "created_from": str(row["created_at"] - timedelta(days=chance.randrange(9)))[:16],
            "created_to": str(row["created_at"] + timedelta(days=chance.randrange(9), hours=1))[:16],
            "job": row["id"],
        }
        for name in chance.sample(sorted(filters), chance.choice([0, 1, 1, 1, 2, 2, 3])):
            if filters[name] is not None and (name != "job" or chance.random() < 0.2):
                wishes[name] = filters[name]
        return {name: value for name, value in wishes.items() if value is not None}


def _respelt(name: str) -> str:
    """The same with capitals for small letters; which further letters have both depends on the server."""
    return name.swapcase() if name.isascii() else name


def _meets(row: Row, asked: Row) -> bool:
    """Whether a job is among those that are asked for."""
    at: datetime = row["created_at"]
    tests: dict[str, Callable[[Any], bool]] = {
        "status": lambda given: row["word"] in given.split(","),
        "type": lambda given: bool(row["type"] == given),
        "user": lambda given: bool(row["user"] == given),
        "who": lambda given: bool(row["who"] == given),
        "task": lambda given: bool(row["task"] == given),
        "reference": lambda given: bool(row["reference"] == given),
        "name": lambda given: row["name"] is not None and row["name"].lower().startswith(given.lower()),
        "created_from": lambda given: at >= datetime.fromisoformat(given).replace(tzinfo=UTC),
        "created_to": lambda given: at < datetime.fromisoformat(given).replace(tzinfo=UTC),
        "job": lambda given: bool(row["id"] == given),
    }
    return all(tests[name](given) for name, given in asked.items() if name in tests)
