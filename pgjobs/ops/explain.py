"""Say why a job does not move, when it will be through, and when it would run: the answers of SQL as lines."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pgjobs.errors import PgjobsError
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

HEAD = ("from", "until", "per second", "records", "then")


async def why(settings: Settings, job: int) -> str:
    """Why a job does not move, or that it does."""
    row = (await _ask(settings, job, "select status, why from pgjobs.job_status where id = %s"))[0]
    return str(row[1] or f"it is {row[0]}, and it moves")


async def eta(settings: Settings, job: int) -> str:
    """The moment at which a job will be through, or why there is none."""
    call = "select s.status, pgjobs.eta(s.id), s.eta, s.why from pgjobs.job_status s where s.id = %s"
    status, planned, measured, reason = (await _ask(settings, job, call))[0]
    found = planned or measured
    if found is not None:
        return _moment(found)
    return f"nobody can say: {reason or f'it is {status}, and neither its speed nor its size is known yet'}"


async def plan(settings: Settings, job: int) -> list[str]:
    """A table of the intervals in which a job would run."""
    call = "select p.* from pgjobs.job_status s left join pgjobs.plan(s.id) p on true where s.id = %s order by begins"
    rows = await _ask(settings, job, call)
    if rows[0][0] is None:
        return ["it has no plan: " + await why(settings, job)]
    cells = [HEAD, *(tuple(map(_cell, row)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells]


async def _ask(settings: Settings, job: int, call: str) -> list[tuple[Any, ...]]:
    async with await db.connect(settings.database_url, "explain") as connection:
        await db.check_schema(connection)
        rows = await (await connection.execute(call.encode(), (job,))).fetchall()
    if not rows:
        raise PgjobsError(f"there is no job {job}", "look up the id in xmp_jobs or pgjobs.job_status")
    return rows


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _cell(value: datetime | Decimal | int | str | None) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return _moment(value)
        case Decimal():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case _:
            return value
