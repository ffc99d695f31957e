"""Claims: taking a shard to run."""

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
