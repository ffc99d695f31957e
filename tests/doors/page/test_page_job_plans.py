"""What the page of a job costs does not depend on how many jobs there are, nor on how much happened to it."""

from __future__ import annotations

import pytest
from fix_jobs import Db, job_in

OTHERS = 4000
"""A table read as a whole shows in the rows that were read."""


@pytest.fixture
def crowd(db: Db) -> int:
    """A job among many others, each with events, callbacks, uncertain ranges, outcomes, files and checkpoints."""
    job = job_in(db, "canceled", callback_url="https://cms.example/done")
    db.execute("alter table xmp_jobs disable trigger user")
    db.execute(
        "insert into xmp_jobs (id, type, status) select n, 'expired', 'done' from generate_series(%s::bigint, %s) n",
        (job + 1, job + OTHERS),
    )
    db.execute("alter table xmp_jobs enable trigger user")
    for insertion in (
        "shards (job_id, started_at, finished_at) select n, now(), now()",
        "events (job_id, at, role, to_status) select n, now(), 'r', 'done'",
        "callbacks (job_id, status, created_at, due_at, closed_at) select n, 'done', now(), now(), now()",
        "uncertain_ranges (job_id, shard, epoch, to_key, at) select n, 0, 1, 7, now()",
        "outcomes (job_id, shard, action, code, n) select n, 0, 'sent', '', 7",
        "log_segments (job_id, shard, segment, epoch, host, path) select n, 0, 0, 1, 'h', '/x'",
        "checkpoints select n, 0, 1, 1, now(), 7, 7, 0, 0, 7, '', ''",
        "item_counts (job_id, slot, status, n) select n, 0, 's', 7",
    ):
        db.execute(f"insert into pgjobs.{insertion} from generate_series({job + 1}, {job + OTHERS}) n".encode())
    db.execute("analyze")
    return job


def test_a_job_among_many_is_read_alone(db: Db, crowd: int) -> None:
    """The page of a job and its events read what belongs to it, by indexes, and nothing of the others."""
    for asked in (f"page_job({crowd})", f"page_events({crowd}, null, 100)", f"page_job({crowd + 77})"):
        with db.transaction():
            assert db.rows_read(f"select pgjobs.{asked}") < 300, asked


def test_a_job_with_a_long_life_is_read_in_part(db: Db, crowd: int) -> None:
    """Of a job to which very much has happened, its page and a page of its events read the last events alone."""
    db.execute(
        "insert into pgjobs.events (job_id, at, role, to_status)"
        " select %s, now(), 'r', 'ready' from generate_series(1, 5000)",
        (crowd,),
    )
    middle = db.value("select max(id) - 2500 from pgjobs.events")
    # Whether the statistics know of it yet is a matter of chance.
    for _ in range(2):
        with db.transaction():
            assert db.rows_read(f"select pgjobs.page_job({crowd})") < 300
        for before in ("null", middle):
            with db.transaction():
                assert db.rows_read(f"select pgjobs.page_events({crowd}, {before}, 100)") < 300
        db.execute("analyze pgjobs.events")
