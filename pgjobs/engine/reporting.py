"""What is asked of the database for answers: to take them in, to do what is then due, and which of them are locked."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

import psycopg

from pgjobs import failpoints as faults
from pgjobs.broker.replies import Delivery
from pgjobs.engine.control import Control
from pgjobs.errors import one_line
from pgjobs.pg import connection as db

logger = logging.getLogger(__name__)
LOCK_TIMEOUT = "100ms"
"""So long a lock is waited for where somebody is known to hold one."""
BUSY_SECONDS = 5.0
"""So long a job that somebody has locked is not settled."""
REFUSALS = (
    psycopg.DataError,
    psycopg.InternalError,
    psycopg.ProgrammingError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
"""What the database says of an answer that it can't take in."""
LOCKED = psycopg.errors.LockNotAvailable
AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
# Binary: to quote JSON for the text of an array takes thirty times as long.
REPORT = b"select array_agg(r.job_id) from pgjobs.report_items(%b::text[], %b::text[]) r"
LOOK = b"select l.items, l.locked from pgjobs.locked_replies(%b::text[], %b::text[]) l"
SETTLE = b"select pgjobs.settle_items(%s::bigint[])"


class Reporting:
    """The statements; each is tried once, and ends soon where somebody has locked what it needs."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._busy: dict[int, float] = {}

    async def report(self, batch: Sequence[Delivery], lock_timeout: str | None = None) -> None:
        """Give answers to the database in one statement, and have done what they make due."""
        faults.reach("before_answers")
        while True:
            try:
                jobs = await self._ask(REPORT, _arguments(batch), lock_timeout)
                break
            except AGAIN:
                logger.info("answers met a deadlock with another transaction, and are given to the database again")
        faults.reach("after_answers")
        if jobs:
            await self._settle(jobs)

    async def _settle(self, jobs: Iterable[int]) -> None:
        """Have done what is due after these answers, which are taken in: they must not come again."""
        now = time.monotonic()
        self._busy = {job: until for job, until in self._busy.items() if until > now}
        jobs = [job for job in jobs if job not in self._busy]
        try:
            if jobs:
                await self._ask(SETTLE, (jobs,), None if len(jobs) == 1 else LOCK_TIMEOUT)
        except (*AGAIN, LOCKED) as error:
            if len(jobs) > 1:
                for job in jobs:
                    await self._settle([job])
                return
            # The elected daemon settles what is left undone.
            logger.info("what is due after answers of job %s is looked for later: %s", jobs[0], one_line(error))
            self._busy[jobs[0]] = now + BUSY_SECONDS

    async def _ask(self, call: bytes, arguments: Sequence[object], lock_timeout: str | None) -> list[int] | None:
        """The value that a statement answers with, tried once."""
        async with self._control.connection() as connection:
            if lock_timeout is None:
                row = await (await connection.execute(call, arguments)).fetchone()
            else:
                async with connection.transaction():
                    await connection.execute("select set_config('lock_timeout', %s, true)", (lock_timeout,))
                    row = await (await connection.execute(call, arguments)).fetchone()
        return row[0] if row else None

    async def locked(self, batch: Sequence[Delivery]) -> Sequence[tuple[list[str], list[str]]]:
        """Of each answer: the items that it names, and those of them that somebody has locked."""
        async with self._control.connection() as connection:
            return await (await connection.execute(LOOK, _arguments(batch))).fetchall()

    async def refuse(self, delivery: Delivery, error: psycopg.Error) -> None:
        """Count an answer that can't be taken in; raises where that is for the schema."""
        async with self._control.connection() as connection:
            await db.check_schema(connection)
        logger.warning(
            "the answer to %.100r could not be taken in and is counted as refused, see pgjobs.reply_fault_counts: %s",
            delivery.correlation_id,
            one_line(error),
        )
        body = text(delivery.body) or ""
        await self._control.value("select pgjobs.count_reply_fault(%s, %s)", "refused", body)


def text(body: bytes) -> str | None:
    """An answer as text; None where it is none."""
    try:
        said = body.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in said else said


def _arguments(batch: Sequence[Delivery]) -> tuple[list[str | None], list[str | None]]:
    return [_id(delivery.correlation_id) for delivery in batch], [text(delivery.body) for delivery in batch]


def _id(correlation_id: str | bytes | None) -> str | None:
    """A correlation id as the database takes it; None where it is no text."""
    return correlation_id if isinstance(correlation_id, str) and "\0" not in correlation_id else None
