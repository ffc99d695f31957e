"""How far a job is: one row of pgjobs.job_status, read whenever something is announced and twice a second anyway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psycopg
from psycopg import errors
from psycopg.rows import class_row

from pgjobs.errors import SchemaError
from pgjobs.ops.asking import unknown
from pgjobs.ops.patience import Patient
from pgjobs.pg import connection as db
from pgjobs.words import visible

POLL_SECONDS = 0.5
PAUSE = 0.05
ENDED = ("done", "error", "canceled")

LOOK = """
select id, type, status, total, coalesce(considered, 0) as considered, coalesce(sent, 0) as sent,
       coalesce(skipped, 0) as skipped, coalesce(returned, 0) as returned,
       case when considered is null then 0 else percent end::float8 as percent,
       coalesce(
         records_per_second, considered / nullif(pgjobs.seconds_between(started_at, finish_at), 0))::float8 as rate,
       extract(epoch from eta - clock_timestamp())::float8 as seconds_left, owner, log_path, why,
       items_closed as closed
from pgjobs.job_status
where id = %s
"""


@dataclass(frozen=True)
class Look:
    """A job as it was at one moment."""

    id: int
    type: str
    status: str
    total: int | None
    considered: int
    sent: int
    skipped: int
    returned: int
    percent: float
    rate: float | None
    seconds_left: float | None
    owner: str | None
    log_path: str | None
    why: str | None
    closed: int | None = None
    """Items of a tracked job that have an outcome."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    @property
    def waits(self) -> bool:
        """Whether it is to move and does not, and no daemon holds it."""
        return not self.ended and self.why is not None and self.owner is None

    @property
    def state(self) -> str:
        """Its status; a wait is no progress, whatever the status is."""
        return "waits" if self.waits else self.status

    @property
    def counts(self) -> str:
        """What became of the records so far."""
        given_back = f" · {self.returned:,} returned" if self.returned else ""
        return (
            f"{self.considered:,} considered · {self.sent:,} sent · {self.skipped:,} skipped{given_back}{self.closing}"
        )

    @property
    def closing(self) -> str:
        """How many items have an outcome, where there are any."""
        return "" if self.closed is None else f" · {self.closed:,} closed"

    @property
    def pace(self) -> str:
        """How fast it moves, or why it does not, and how long still."""
        if self.why is not None and self.status != "done":
            said = self.why
        else:
            said = f"{self.rate:,.0f}/s" if self.rate else ""
        left = "" if self.ended or self.seconds_left is None else f"{_span(self.seconds_left)} left"
        return visible(" · ".join(filter(None, (said, left))))


async def look_at(connection: db.Connection, job: int) -> Look:
    """The job as it is now."""
    cursor = connection.cursor(row_factory=class_row(Look))
    try:
        look = await (await cursor.execute(LOOK, (job,))).fetchone()
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise SchemaError("the database does not have the views of this version of pgjobs") from error
    if look is None:
        raise unknown(job)
    return look


async def looks(connection: db.Connection, job: int, every: float = POLL_SECONDS) -> AsyncIterator[Look]:
    """The job now, then again after every change and every so many seconds, the last time when it has ended."""
    await connection.execute("listen pgjobs")
    while True:
        look = await look_at(connection, job)
        yield look
        if look.ended:
            return
        await asyncio.sleep(PAUSE)  # hundreds of announcements a second are no reason for as many looks
        async for _ in connection.notifies(timeout=max(0.0, every - PAUSE), stop_after=1):
            pass


async def patient_looks(database: Patient, job: int) -> AsyncIterator[Look]:
    """The same, also where the database is away for a while."""
    until = None
    while True:
        try:
            async for look in looks(await database.connection(), job):
                until = None
                yield look
        except (psycopg.Error, OSError) as error:
            until = await database.outlast(error, until)
        else:
            return


def _span(seconds: float) -> str:
    """A length of time as people say it: 42 s, 3 min 5 s, 2 h 10 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
