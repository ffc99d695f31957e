"""The operator's tables: whether each is there under its name, and what does not run without it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pgjobs.ops.doctor.finding import Finding, ok, problem
from pgjobs.pg import connection as db

ABOUT = "tables"
GAUGES = "the business gauges are not refreshed"
NEEDED_FOR = {
    "xmp_jobs": "there are no jobs",
    "xmp_job_types": "no job can be written or run",
    "xmp_msisdn_blacklist": f"jobs of type injection end with error, and {GAUGES}",
    "xmp_msisdn_postpaid": f"jobs of type injection end with error, and {GAUGES}",
    "xmp_operator_msisdn_prefix": "jobs of type injection end with error",
    "xmp_pixel_buffer": GAUGES,
    "xmp_retries": GAUGES,
    "xmp_retries_expired": "jobs of type expired end with error",
    "xmp_services": "jobs of type injection end with error",
    "xmp_subscriptions": f"/api can't publish, and {GAUGES}",
    "xmp_transactions": "jobs with never or last_charge_at end with error",
}
"""What happens where a table is missing."""
MISSING = "select t from unnest(%s::text[]) t where to_regclass('public.' || t) is null order by t"


async def missing(connection: db.Connection) -> list[str]:
    """The tables that are nowhere in schema public; a view in the place of one will do."""
    return [name for (name,) in await (await connection.execute(MISSING, ([*NEEDED_FOR],))).fetchall()]


async def findings(connection: db.Connection) -> AsyncIterator[Finding]:
    """Each missing table with what that means, or one line that all are there."""
    gone = await missing(connection)
    for name in gone:
        yield problem(
            ABOUT,
            f"public.{name} is missing: {NEEDED_FOR[name]}",
            "rename it back, or make it anew as migrations/0001.operator-tables.sql does, then run: pgjobs migrate",
        )
    if not gone:
        yield ok(ABOUT, f"all {len(NEEDED_FOR)} that jobs and gauges need are there")
