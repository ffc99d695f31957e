"""Claims: taking shards to run."""

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
    tracked: bool = False
    reply_queue: str | None = None
    needs_replies: bool = False
    format: str = "event"
    format_options: dict[str, object] | None = None
    keep_refused: bool = False
    stop_at: str | None = None
    """From which moment on nothing of the job is to be done, in UTC."""

    @property
    def name(self) -> str:
        """How the database names the shard in lists."""
        return f"{self.job_id}/{self.shard}"

    @property
    def publishes(self) -> bool:
        """Whether its records become messages: not in a dry run, nor where agents take the items by SQL."""
        return not self.dry_run and not (self.tracked and not self.exchange and self.routing_key is None)

    def maybe_sent(self, key: int) -> bool:
        """Whether a record lies in the range that was in flight when an earlier owner was lost."""
        if self.uncertain_to is None:
            return False
        return key >= self.uncertain_to if self.descending else key <= self.uncertain_to


async def take(
    control: db.Connection,
    daemon_id: UUID,
    running: list[str],
    *,
    autostart: bool,
    lease_seconds: float,
    places: int,
    broker: str,
) -> list[Claim]:
    """Shards that are due, at most as many as there are places; none when there is nothing to do now."""
    cursor = control.cursor(row_factory=class_row(Claim))
    # By name: a later version of the function may tell more of a shard.
    call = f"select {', '.join(Claim._fields)} from pgjobs.claim_shards(%s, %s, %s, %s, %s, %s)".encode()  # noqa: S608 names of our own
    await cursor.execute(call, (daemon_id, running, autostart, timedelta(seconds=lease_seconds), places, broker))
    return await cursor.fetchall()


async def choose_yields(
    control: db.Connection, daemon_id: UUID, running: list[str], *, autostart: bool, held_seconds: float
) -> list[tuple[int, int, str]]:
    """(job, shard, reason) of shards that a full daemon has to give up for more urgent ones."""
    call = "select * from pgjobs.choose_yields(%s, %s, %s, %s)"
    cursor = await control.execute(call, (daemon_id, running, autostart, timedelta(seconds=held_seconds)))
    return await cursor.fetchall()
