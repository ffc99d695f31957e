"""Jobs of the operations in any state, as rows written past the triggers: for searches, which only look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fix_jobs import Db, past_triggers

TYPES = """
insert into xmp_job_types (name, selector, routing_key, tracked, reply_queue, doors, applicable_to)
values ('reboot', 'pgjobs.operation_records', 'devices', true, 'answers', '{operations}', '{entity.device}'),
       ('diagnosis', 'pgjobs.operation_records', 'devices', true, 'answers', '{operations}', '{}'),
       ('letter', 'pgjobs.operation_records', 'letters', true, 'answers', '{mailings}', '{}')
"""
ENTITIES = """
insert into pgjobs.entities (id, type)
select 'dev-' || n, 'entity.device' from generate_series(1, 5) n
union all select 'sub-' || n, 'entity.subscriber' from generate_series(1, 3) n
union all values ('line-1', 'entity.subscription'), ('modem-1', 'entity.commsModule')
"""
WORDS = {"waiting": "w", "launched": "l", "retry": "r", "good": "s", "failed": "f", "late": "t", "cancelled": "c"}
"""How the tests call the statuses of items."""


class Fleet:
    """Types, entities, and jobs with their operations."""

    def __init__(self, db: Db) -> None:
        self.db = db
        with past_triggers(db):
            db.execute(TYPES)
            db.execute(ENTITIES)
        self.numbers: dict[str, int] = dict(db.execute("select id, number from pgjobs.entities").fetchall())

    def job(
        self,
        type_: str = "reboot",
        status: str = "done",
        items: Sequence[tuple[str | None, ...]] = (),
        **columns: object,
    ) -> int:
        """A job in this status; each item is an entity, a word of WORDS, and perhaps result and description."""
        columns = {"type": type_, "status": status, "params": "{}", "activated_at": "2026-11-26T09:00:00Z"} | columns
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with past_triggers(self.db):
            statement = f"insert into xmp_jobs ({names}) values ({marks}) returning id"  # noqa: S608 - names of the test
            job = int(self.db.value(statement, *columns.values()))
            self.db.execute(
                "insert into pgjobs.shards (job_id, started_at, prepared_at) select %s, m, m from"
                " (select case when %s <> 'ready' then timestamptz '2026-11-26T09:01:00Z' end as m) t",
                (job, status),
            )
            self.db.execute("insert into pgjobs.job_counts (type, status, jobs) values (%s, %s, 1)", (type_, status))
            if "task_id" in columns:
                run = "insert into pgjobs.task_runs (task_id, occasion, job_id) values (%s, now(), %s)"
                self.db.execute(run, (columns["task_id"], job))
            for item in items:
                self._item(job, *item)
        return job

    def task(self, name: str, type_: str = "reboot", **columns: object) -> int:
        """A task that has made three jobs."""
        columns = {"name": name, "type": type_, "repeating": '{"period": {"each": 1, "unit": "DAYS"}}'} | columns
        columns = {"starts_at": "2026-11-26T09:00:00Z", "created_at": "2026-11-26T08:00:00Z"} | columns
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        with past_triggers(self.db):
            statement = f"insert into pgjobs.tasks ({names}) values ({marks}) returning id"  # noqa: S608 - as above
            task = int(self.db.value(statement, *columns.values()))
            progress = (
                "insert into pgjobs.task_progress (task_id, runs, occasion) values (%s, 3, '2026-11-29T09:00:00Z')"
            )
            self.db.execute(progress, (task,))
        return task

    def _item(
        self, job: int, entity: str | None, word: str | None, result: str | None = None, description: str | None = None
    ) -> None:
        assert entity
        assert word
        status, key = WORDS[word], self.numbers[entity]
        body = json.dumps({"operation": {"request": {"parameters": {"of": entity}}}}).encode()
        self.db.execute(
            "insert into pgjobs.items"
            " (job_id, key, target, status, result, description, attempts, launched_at, closed_at)"
            " values (%s, %s, %s, %s, %s, %s, 1, case when %s <> 'w' then timestamptz '2026-11-26T09:02:00Z' end,"
            " case when %s in ('s', 'f', 't', 'c') then timestamptz '2026-11-26T09:03:00Z' end)",
            (job, key, entity.encode(), status, result, description, status, status),
        )
        self.db.execute(
            "insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies) values (%s, %s, %s, %s, %s)",
            (job, key, key, [key], [body]),
        )
        self.db.execute('select pgjobs.count_items(%s, %s::"char", 1)', (job, status))


def search(db: Db, what: str, body: dict[str, Any] | None = None, **options: Any) -> tuple[Any, Any]:
    """What SQL answers to a search, and where the next page begins."""
    given = {"resource": None, "flags": {}, "table": False, "after": None} | options
    answer, behind = db.row(
        "select answer, behind from pgjobs.search(%s, %s, %s::jsonb, %s::jsonb, %s, %s::jsonb)",
        what,
        given["resource"],
        json.dumps(body or {}),
        json.dumps(given["flags"]),
        given["table"],
        json.dumps(given["after"]) if given["after"] else None,
    )
    return answer, behind


def summary(db: Db, what: str, body: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """What SQL answers where counts alone are asked for: the whole number, and each group as a dictionary."""
    given = {"resource": None, "flags": {}} | options
    found = db.value(
        "select pgjobs.search_summary(%s, %s, %s::jsonb, %s::jsonb)",
        what,
        given["resource"],
        json.dumps(body or {}),
        json.dumps(given["flags"]),
    )["summary"]
    groups = {
        name: {one["name"]: one["count"] for one in group["list"]}
        for part in found["summaryGroup"]
        for name, group in part.items()
    }
    return {"count": found["count"]} | groups
