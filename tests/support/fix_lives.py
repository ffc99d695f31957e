"""Helpers: jobs whose life is known to the second, without a daemon: their checkpoints, events and counters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fix_jobs import Db, claim, insert_job

BEGIN = datetime(2026, 11, 26, 10, tzinfo=UTC)


class Told(NamedTuple):
    """A checkpoint: seconds from the beginning, and what its window came to."""

    second: float
    sent: int
    skipped: int = 0
    confirm_ms: int | None = 5
    backlog: int | None = None


def begun(db: Db, **columns: object) -> int:
    """A job that was claimed at the beginning, and has done nothing yet."""
    job = insert_job(db, **columns)
    claim(db, job)
    db.execute("update pgjobs.shards set started_at = %s, prepared_at = %s where job_id = %s", (BEGIN, BEGIN, job))
    db.execute("update pgjobs.events set at = %s where job_id = %s", (BEGIN, job))
    return job


def tell(db: Db, job: int, checkpoints: Sequence[Told], shard: int = 0) -> None:
    """Give a shard of a job these checkpoints, its counters, its outcomes and a log that agree with them."""
    db.execute(
        "insert into pgjobs.shards (job_id, shard, started_at) values (%s, %s, %s) on conflict do nothing",
        (job, shard, BEGIN),
    )
    key = 0
    for number, told in enumerate(checkpoints, 1):
        key += told.sent + told.skipped
        db.execute(
            "insert into pgjobs.checkpoints values (%s, %s, %s, 1, %s, %s, %s, %s, 0, %s, %s, '', %s, %s)",
            (
                job, shard, number, BEGIN + timedelta(seconds=told.second), key, told.sent, told.skipped, key * 50,
                number.to_bytes(32, "big"), told.confirm_ms, told.backlog,
            ),
        )  # fmt: skip
    sent, skipped = sum(told.sent for told in checkpoints), sum(told.skipped for told in checkpoints)
    db.execute(
        "update pgjobs.shards set considered = %s, sent = %s, skipped = %s, checkpoints = %s, after_key = %s,"
        " in_flight_to = %s, log_bytes = %s where job_id = %s and shard = %s",
        (sent + skipped, sent, skipped, len(checkpoints), key, key, key * 50, job, shard),
    )
    db.execute(
        "insert into pgjobs.outcomes select %s, %s, x.action, x.code, x.n"
        " from (values ('sent', '', %s::bigint), ('skip', 'empty', %s)) x (action, code, n) where x.n > 0",
        (job, shard, sent, skipped),
    )
    db.execute(
        "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, bytes)"
        " values (%s, %s, 1, 1, 'h', '/l', %s)",
        (job, shard, key * 50),
    )


def end(db: Db, job: int, second: float) -> None:
    """Let a job be done so many seconds after its beginning."""
    at = BEGIN + timedelta(seconds=second)
    db.execute("update pgjobs.shards set finished_at = %s, owner = null, due_at = null where job_id = %s", (at, job))
    db.execute("select set_config('pgjobs.now', %s, false)", (at.isoformat(),))
    db.execute("update xmp_jobs set status = 'done' where id = %s", (job,))


def plot(db: Db, job: int, points: int = 150) -> dict[str, Any]:
    """What page_plot() says."""
    found = db.value("select pgjobs.page_plot(%s, %s)", job, points)
    assert isinstance(found, dict)
    return found


def at_second(stamp: str) -> float:
    """Seconds from the beginning to a moment in JSON."""
    return (datetime.fromisoformat(stamp) - BEGIN).total_seconds()
