"""Show jobs, one of them, and what is known of it: the answers of SQL as tables for people, or as they are in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pgjobs.ops.asking import answer
from pgjobs.ops.printed import Column, harmless, moment, shown, table, width
from pgjobs.settings import Settings
from pgjobs.words import visible

JOBS = "select pgjobs.list_jobs(%s, %s, %s, %s)::text"
JOB = "select (pgjobs.whole_job(%s) -> 'job')::text"
OUTCOMES = "select pgjobs.list_outcomes(%s)::text"
EVENTS = "select pgjobs.list_events(%s, %s, %s)::text"
ITEMS = "select pgjobs.page_items(%s, %s, %s, %s, %s, null, false, %s)::text"
TASKS = """
select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]')::text
from (select * from pgjobs.task_status where id > %s order by id limit %s) t
"""
TIMES = ("created_at", "run_at", "stop_at", "finish_at")
ALWAYS = ("name", "why", "remark", "progress", *TIMES)
Rows = list[dict[str, Any]]


class Filters(NamedTuple):
    """Which items, and how many of them."""

    status: str | None
    target: str | None
    result: str | None
    after: int | None
    limit: int | None


async def jobs(
    settings: Settings, status: str | None, type_: str | None, limit: int | None, before: int | None, *, as_json: bool
) -> list[str]:
    """The newest jobs, those of a status and of a type where these are given."""
    said = await answer(settings, "jobs", JOBS, status, type_, limit, before)
    none = "there is no such job" if status or type_ or before else 'there is no job yet: "pgjobs create" makes one'
    return _told(said, as_json=as_json, lines=_jobs) or [none]


async def job(settings: Settings, number: int, *, as_json: bool) -> list[str]:
    """Everything of a job that can be read or written."""
    return _told(await answer(settings, "show", JOB, number), as_json=as_json, lines=_job)


async def outcomes(settings: Settings, number: int, *, as_json: bool) -> list[str]:
    """What became of the records of a job, by action and code."""
    return _told(await answer(settings, "outcomes", OUTCOMES, number), as_json=as_json, lines=_outcomes)


async def events(settings: Settings, number: int, limit: int | None, after: int | None, *, as_json: bool) -> list[str]:
    """What happened to a job, the oldest first."""
    said = await answer(settings, "events", EVENTS, number, limit, after)
    none = "nothing has happened to it" if after is None else f"nothing has happened to it behind event {after}"
    return _told(said, as_json=as_json, lines=_events) or [none]


async def items(settings: Settings, number: int, filters: Filters, *, as_json: bool) -> list[str]:
    """A page of the items of a tracked job by their keys."""
    return _told(await answer(settings, "items", ITEMS, number, *filters), as_json=as_json, lines=_items)


async def tasks(settings: Settings, limit: int, after: int, *, as_json: bool) -> list[str]:
    """The tasks by their numbers."""
    return _told(await answer(settings, "tasks", TASKS, after, limit), as_json=as_json, lines=_tasks)


def _told(said: str, *, as_json: bool, lines: Callable[[Any], list[str]]) -> list[str]:
    return [harmless(said)] if as_json else lines(json.loads(said))


def _jobs(rows: Rows) -> list[str]:
    columns = (
        Column("id", right=True),
        Column("type", wraps=True),
        Column("name", wraps=True, needed=False),
        Column("status", tinted=True),
        Column("done", right=True),
        Column("ends (UTC)"),
        Column("why", wraps=True),
    )
    cells = [
        (
            str(row["id"]),
            row["type"],
            row["name"],
            row["status"],
            f"{row['progress']['percent']:.1f} %",
            moment(row["finish_at"] or row["progress"]["eta"]),
            None if row["status"] == "done" else row["why"],
        )
        for row in rows
    ]
    return table(columns, cells, width()) if rows else []


def _job(row: dict[str, Any]) -> list[str]:
    progress = row["progress"]
    row = row | {"progress": _progress(progress)} | {name: progress[name] for name in ("owner", "eta", "started_at")}
    if "items" in row:
        row["items"] = " · ".join(f"{name} {shown(value)}" for name, value in row["items"].items() if value)
    if row["status"] == "done":
        row["why"] = None
    names = [name for name in (*ALWAYS, *sorted(row)) if name in row and _is_told(name, row[name])]
    names = list(dict.fromkeys(names))
    wide = max(map(len, names))
    head = f"job {row['id']} · {visible(str(row['type']))} · {visible(str(row['status']))}"
    return [head, *(f"  {name:<{wide}}  {_value(name, row[name])}" for name in names)]


def _is_told(name: str, value: object) -> bool:
    """Whether a field says anything: its head says what it is, and what is empty is not told."""
    return name not in ("id", "type", "status") and value not in (None, "", {})


def _value(name: str, value: Any) -> str:
    if name.endswith("_at") or name == "eta":
        return f"{moment(value)} UTC"
    if isinstance(value, dict | list):
        return harmless(json.dumps(value, ensure_ascii=False))
    return str(value) if isinstance(value, float) or "id" in name.split("_") else shown(value)


def _progress(said: Mapping[str, Any]) -> str:
    parts = [f"{said['percent']:.1f} %"]
    parts += [f"{said[name]:,} {name}" for name in ("considered", "sent", "skipped", "returned")]
    parts += [f"{said['rate']:,.0f}/s"] if said["rate"] else []
    return " · ".join(parts)


def _outcomes(rows: Rows) -> list[str]:
    columns = (
        Column("action"),
        Column("code", wraps=True),
        Column("records", right=True),
        Column("share", right=True),
        Column("reason", wraps=True),
    )
    every = sum(row["records"] for row in rows) or 1
    cells = [
        (row["action"], row["code"], row["records"], f"{100 * row['records'] / every:.1f} %", row["reason"])
        for row in rows
    ]
    return table(columns, cells, width()) if rows else ["no record was considered yet"]


def _events(rows: Rows) -> list[str]:
    columns = (
        Column("id", right=True),
        Column("at (UTC)"),
        Column("status", wraps=True),
        Column("by", wraps=True),
        Column("reason", wraps=True),
    )
    cells = [
        (str(row["id"]), moment(row["at"]), _change(row), row["actor"] or _caller(row), row["reason"]) for row in rows
    ]
    return table(columns, cells, width()) if rows else []


def _change(row: Mapping[str, Any]) -> str:
    return " > ".join(filter(None, (row["from_status"], row["to_status"])))


def _caller(row: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (row["role"], f"({row['application']})" if row["application"] else "")))


def _items(page: dict[str, Any]) -> list[str]:
    columns = (
        Column("item", right=True),
        Column("target", wraps=True),
        Column("status", tinted=True),
        Column("retries", right=True),
        Column("ended (UTC)"),
        Column("result", wraps=True),
        Column("description", wraps=True),
    )
    cells = [
        (
            *(row[name] for name in ("key", "reference_id", "status", "retries")),
            moment(row["ended_at"]),
            row["result"],
            row["description"],
        )
        for row in page["items"]
    ]
    lines = table(columns, cells, width()) if cells else [visible(page["missing"] or "there is no such item here")]
    return lines + ([f"further items: --after {visible(page['next'])}"] if page["next"] else [])


def _tasks(rows: Rows) -> list[str]:
    columns = (
        Column("id", right=True),
        Column("name", wraps=True),
        Column("type", wraps=True),
        Column("state", tinted=True),
        Column("next (UTC)"),
        Column("job", right=True),
        Column("runs", right=True),
        Column("trouble", wraps=True),
    )
    return table(columns, list(_task_cells(rows)), width()) if rows else ["there is no task"]


def _task_cells(rows: Rows) -> Iterator[tuple[object, ...]]:
    for row in rows:
        at, job = moment(row["next_occasion"]), row["next_job"] and str(row["next_job"])
        yield str(row["id"]), row["name"], row["type"], row["state"], at, job, row["runs"], row["trouble"]
