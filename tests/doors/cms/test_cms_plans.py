"""What the door of the CMS asks of one job costs what it shows, however much there is of others."""

from __future__ import annotations

import pytest
from fix_jobs import Db, insert_job

EVENTS, PAGE = 30_000, 10


@pytest.fixture
def crowded(db: Db) -> int:
    """A job among many: it and others have thousands of events, outcomes and files of a log each."""
    jobs = [insert_job(db) for _ in range(3)]
    for job in jobs:
        db.execute(
            "insert into pgjobs.events (job_id, at, role, reason)"
            " select %s, now(), 'x', i::text from generate_series(1, %s) i",
            (job, EVENTS),
        )
        db.execute(
            "insert into pgjobs.outcomes select %s + i, 0, 'skip', 'code_' || c, i"
            " from generate_series(0, 9000, 3) i, generate_series(1, 3) c",
            (job,),
        )
        db.execute(
            "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, bytes)"
            " select %s + i, 0, 1, 1, 'h', '/x', 1 from generate_series(0, 9000, 3) i",
            (job,),
        )
    db.execute("analyze pgjobs.events, pgjobs.outcomes, pgjobs.log_segments")
    return jobs[1]


@pytest.mark.parametrize(
    ("call", "most"),
    [
        (f"pgjobs.list_events(%s, {PAGE}, 45000)", PAGE + 10),
        (f"pgjobs.list_events(%s, {PAGE})", PAGE + 10),
        ("pgjobs.list_outcomes(%s)", 20),
        ("pgjobs.log_files(%s)", 10),
        ("pgjobs.whole_job(%s)", 40),
        ("pgjobs.change_job(%s, '{\"priority\": 7}')", 60),
        ('pgjobs.create_job(\'{"type": "expired", "params": {"never": 1}}\')', 60),
    ],
)
def test_a_call_reads_about_as_many_rows_as_it_shows(db: Db, crowded: int, call: str, most: int) -> None:
    """A page, or one job, is found by an index: no call reads more than a few rows besides."""
    statement = "select " + call.replace("%s", str(crowded))
    with db.transaction(force_rollback=True):
        db.execute(statement.encode())
        assert most >= db.rows_read(statement)
