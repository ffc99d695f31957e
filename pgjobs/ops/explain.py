"""Say why a job does not move, when it will be through, and when it would run: the answers of SQL as lines."""

from __future__ import annotations

import json
from typing import Any

from pgjobs.ops.asking import about_job
from pgjobs.ops.printed import Column, harmless, table, width
from pgjobs.settings import Settings
from pgjobs.words import visible

WHY = """
select jsonb_build_object('id', s.id, 'status', s.status, 'why', s.why)::text
from pgjobs.job_status s where s.id = %s
"""
ETA = """
select jsonb_build_object('id', s.id, 'status', s.status, 'eta', case when n.reason is null then e.eta end,
  'why', case when e.eta is not null then coalesce(n.reason, s.why) else s.why end)::text
from pgjobs.job_status s
cross join lateral (select coalesce(pgjobs.eta(s.id), s.eta)) e (eta)
cross join pgjobs.standstill_reason() n (reason)
where s.id = %s
"""
PLAN = """
select (select coalesce(jsonb_agg(to_jsonb(p) order by p.begins), '[]') from pgjobs.plan(s.id) p)::text
from pgjobs.job_status s where s.id = %s
"""
REMARK = "select coalesce(pgjobs.job_remark(%s), '')"
STANDSTILL = "select coalesce(pgjobs.standstill_reason(), '') from (select %s::bigint) job"
COLUMNS = (
    Column("from"),
    Column("until"),
    Column("per second", right=True),
    Column("records", right=True),
    Column("then", wraps=True),
)


async def why(settings: Settings, job: int, *, as_json: bool = False) -> str:
    """Why a job does not move, or that it does."""
    said = await about_job(settings, "explain", WHY, job)
    if as_json:
        return harmless(said)
    row = json.loads(said)
    return visible(row["why"] or f"it is {row['status']}, and it moves")


async def eta(settings: Settings, job: int, *, as_json: bool = False) -> str:
    """The moment at which a job will be through, or why there is none."""
    said = await about_job(settings, "explain", ETA, job)
    if as_json:
        return harmless(said)
    row = json.loads(said)
    if row["eta"] is not None:
        return _moment(row["eta"])
    if row["status"] == "done":
        return str(row["why"])
    reason = row["why"] or f"it is {row['status']}, and neither its speed nor its size is known yet"
    return visible(f"nobody can say: {reason}")


async def plan(settings: Settings, job: int, *, as_json: bool = False) -> list[str]:
    """A table of the intervals in which a job would run."""
    said = await about_job(settings, "explain", PLAN, job)
    if as_json:
        return [harmless(said)]
    rows = json.loads(said)
    if not rows:
        return ["it has no plan: " + await why(settings, job)]
    still = await about_job(settings, "explain", STANDSTILL, job)
    told = [visible(f"nobody can say when it begins: {still}")] if still else []
    remark = await about_job(settings, "explain", REMARK, job)
    told += [visible(remark)] if remark else []
    return [*told, *table(COLUMNS, map(_cells, rows), width())]


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    speed = row["records_per_second"]
    ends = row["ends"] and _moment(row["ends"])
    return _moment(row["begins"]), ends, speed and f"{speed:,.1f}", row["records"], row["why_it_ends"]


def _moment(at: str) -> str:
    """A moment of JSON, which is in UTC, to the second."""
    return visible(at[:19] + "Z")
