"""A job that did not begin at its time: by its rule it runs late, is canceled, or waits for somebody to start it."""

from datetime import UTC, datetime, timedelta

import pytest
from fix_jobs import Db, claim, insert_job

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def due_at_noon(db: Db, schedule: str = "{}") -> int:
    """A job that was inserted the day before, to run at noon."""
    clock(db, NOON - timedelta(days=1))
    job = insert_job(db)
    db.execute("update xmp_jobs set run_at = %s, schedule = %s where id = %s", (NOON, schedule, job))
    return job


def status(db: Db, job: int) -> tuple[object, ...]:
    """Its status, and whether it is active."""
    return db.execute("select status, active from xmp_jobs where id = %s", (job,)).fetchone() or ()


@pytest.mark.parametrize(
    ("schedule", "late", "becomes"),
    [
        ("{}", timedelta(hours=6), ("in progress", True)),
        ("{}", timedelta(hours=6, seconds=1), ("ready", False)),
        ('{"misfire": "run"}', timedelta(days=300), ("in progress", True)),
        ('{"misfire": "skip"}', timedelta(minutes=10), ("in progress", True)),
        ('{"misfire": "skip"}', timedelta(minutes=11), ("canceled", True)),
        ('{"misfire": {"run_if_within": "30 min"}}', timedelta(minutes=30), ("in progress", True)),
        ('{"misfire": {"run_if_within": "30 min"}}', timedelta(minutes=31), ("ready", False)),
    ],
)
def test_a_late_job_does_what_its_rule_says(
    db: Db, schedule: str, late: timedelta, becomes: tuple[object, ...]
) -> None:
    """After daemons were down for so long a job runs, is canceled, or waits, by the rule of its schedule."""
    job = due_at_noon(db, schedule)
    clock(db, NOON + late)
    taken = (
        claim(db, job)
        if becomes[0] == "in progress"
        else db.execute(
            "select job_id from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 min')"
        ).fetchone()
    )
    assert (taken is not None) == (becomes[0] == "in progress")
    assert status(db, job) == becomes
    reason = "select reason from pgjobs.events where job_id = %s order by id desc limit 1"
    if becomes[0] != "in progress":
        assert "it did not begin at its time" in db.value(reason, job)


@pytest.mark.parametrize("kept_by", ["no daemon", "the kill switch"])
def test_a_late_job_says_so_and_runs_when_it_is_started(db: Db, kept_by: str) -> None:
    """why tells how late it is and what to do, and blames nobody; a start runs it, however late it is by then."""
    job = due_at_noon(db)
    look = "select job_id from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 min')"
    if kept_by == "the kill switch":
        db.execute("select pgjobs.hold_all('a look')")
    clock(db, NOON + timedelta(hours=9))
    if kept_by == "the kill switch":
        assert [] == db.column(look)
        db.execute("select pgjobs.release_all()")
    assert [] == db.column(look)
    said = db.value("select pgjobs.why(%s)", job)
    remedy = f'to run it all the same, run "pgjobs start {job}"'
    assert said == f"it did not begin at its time, and now it is 9 h late; {remedy}"
    clock(db, NOON + timedelta(days=2))
    db.execute("select pgjobs.start_job(%s)", (job,))
    assert claim(db, job) is not None
    assert status(db, job) == ("in progress", True)


def test_what_was_just_made_ready_is_not_late(db: Db) -> None:
    """A run_at of long ago does not make a job late that was inserted, activated or resumed a moment ago."""
    clock(db, NOON)
    old = insert_job(db)
    held = insert_job(db)
    db.execute("update xmp_jobs set run_at = '2017-02-01', active = id <> %s", (held,))
    assert claim(db, old) is not None
    clock(db, NOON + timedelta(days=3))
    db.execute("update xmp_jobs set active = true where id = %s", (held,))
    assert claim(db, held) is not None


def test_a_clock_that_is_set_back_makes_nothing_late(db: Db) -> None:
    """A clock that is a day behind only makes a job wait longer."""
    job = due_at_noon(db)
    clock(db, NOON - timedelta(days=2))
    assert (
        db.execute("select job_id from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 min')").fetchone()
        is None
    )
    clock(db, NOON + timedelta(minutes=1))
    assert claim(db, job) is not None
