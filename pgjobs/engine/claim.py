"""Claims: taking a shard to run, and giving it up in the three ways there are."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from pgjobs.pg import connection as db


class Claim(NamedTuple):
    """One shard of a job, taken under an epoch."""

    job_id: int
    shard: int
    epoch: int
    type: str
    exchange: str
    routing_key: str | None
    needs_file: bool
    file_name: str
    descending: bool
    dry_run: bool
    prepared: bool
    uncertain_to: int | None
    log_bytes: int

    @property
    def name(self) -> str:
        """How the database names the shard in lists."""
        return f"{self.job_id}/{self.shard}"

    def maybe_sent(self, key: int) -> bool:
        """Whether a record lies in the range that was in flight when an earlier owner was lost."""
        if self.uncertain_to is None:
            return False
        return key >= self.uncertain_to if self.descending else key <= self.uncertain_to


async def take(
    control: db.Connection, worker: UUID, running: list[str], *, autostart: bool, lease_seconds: float
) -> Claim | None:
    """A shard that nobody holds, or None when there is nothing to do now."""
    cursor = control.cursor(row_factory=class_row(Claim))
    call = "select * from pgjobs.claim_shard(%s, %s, %s, %s)"
    await cursor.execute(call, (worker, running, autostart, timedelta(seconds=lease_seconds)))
    return await cursor.fetchone()


async def finish(control: db.Connection, claim: Claim) -> str | None:
    """End an exhausted shard: 'done' when the job is, 'finished' when others go on, None when fenced out."""
    answer: str | None = await db.value(
        control, "select pgjobs.finish_shard(%s, %s, %s)", claim.job_id, claim.shard, claim.epoch
    )
    return answer


async def release(control: db.Connection, claim: Claim, *, clean: bool, hand_back: bool, note: str | None) -> None:
    """Give a shard up; clean means that nothing is in flight."""
    call = "select pgjobs.release_shard(%s, %s, %s, %s, %s, %s)"
    await control.execute(call, (claim.job_id, claim.shard, claim.epoch, clean, hand_back, note))


async def fail(
    control: db.Connection, claim: Claim, *, clean: bool, code: str, sentence: str, late_key: int | None = None
) -> None:
    """Break the job off with a sentence that names the thing to mend."""
    call = "select pgjobs.fail_job(%s, %s, %s, %s, %s, %s, %s)"
    await control.execute(call, (claim.job_id, claim.shard, claim.epoch, clean, code, sentence, late_key))
