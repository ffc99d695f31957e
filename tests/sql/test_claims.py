"""Claims: which shards a daemon is given, and in which order."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from fix_claims import ONE, TWO, beat, cut, reason, shards, take
from fix_jobs import Db, Notifications, connect, insert_job, job_in, past_triggers, set_clock, set_status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_higher_priority_comes_first_then_the_earlier_due_time(db: Db) -> None:
    """Among all that is due the priority decides, among equal ones the time since when it is due; a job of a high
    priority that is due later waits."""
    set_clock(db, NOON)
    later, soon = (insert_job(db, run_at=NOON - timedelta(seconds=seconds)) for seconds in (10, 20))
    urgent = insert_job(db, priority=6, run_at=NOON)
    insert_job(db, priority=10, run_at=NOON + timedelta(seconds=1))
    least = insert_job(db, priority=0, run_at=NOON - timedelta(seconds=59))
    assert [urgent, soon, later, least] == [take(db, uuid.uuid4())[0][0] for _ in range(4)]
    assert [] == take(db)


def test_a_priority_may_be_changed_while_a_job_waits(db: Db, notifications: Notifications) -> None:
    """Another priority counts from the next claim on, also for the shards of a running job that nobody holds; the
    daemons hear of it."""
    first, second = insert_job(db), insert_job(db)
    running = job_in(db, "in progress")
    notifications.received()
    db.execute("update xmp_jobs set priority = 6 where id = %s", (second,))
    db.execute("update xmp_jobs set priority = 7 where id = %s", (running,))
    assert [second, running] == [received["id"] for received in notifications.received()]
    assert [running, second, first] == [job for job, _, _ in take(db, places=3)]


@pytest.mark.parametrize("priority", [-1, 11, 100, 32767, 32768, 100_000, -(2**31)])
def test_a_priority_out_of_range_is_refused(db: Db, priority: int) -> None:
    """The sentence names the field and the range, when a job is inserted and when it is changed."""
    insert_job(db)
    insert, update = (
        "insert into xmp_jobs (type, priority) values ('expired', %s)",
        "update xmp_jobs set priority = %s",
    )
    for call in (insert, update):
        said = db.refusal(call, priority)
        assert ("PJ400", "priority", f"priority: {priority} is out of range") == (
            said.sqlstate, said.column_name, said.message_primary,
        )  # fmt: skip
        assert "from 0 to 10" in str(said.message_hint)


def test_one_call_fills_all_places(db: Db) -> None:
    """A claim gives as many shards as there are places and no more, each once, in their order."""
    jobs = [insert_job(db) for _ in range(5)]
    first = take(db, places=3)
    assert [(job, 0, 1) for job in jobs[:3]] == first
    assert [(job, 0, 1) for job in jobs[3:]] == take(db, places=3, running=first)


def test_a_lost_shard_is_taken_over_before_others(db: Db) -> None:
    """When a lease has run out its shard is taken by whoever asks first, under a new epoch, before others that are due;
    a shard that a daemon holds without knowing it is given to it again."""
    job = insert_job(db)
    take(db)
    other = insert_job(db, run_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert [] == take(db, TWO, running=[(other, 0, 1)])
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp() - interval '1 s', lease_check_at = '-infinity'"
        " where job_id = %s",
        (job,),
    )
    db.execute("update pgjobs.shards set due_at = clock_timestamp() where job_id = %s", (other,))
    assert [(job, 0, 2), (other, 0, 1)] == take(db, TWO, places=2)
    assert [] == take(db, TWO, running=[(job, 0, 2), (other, 0, 1)])
    assert [(job, 0, 3)] == take(db, TWO, running=[(other, 0, 1)])


def test_without_autostart_only_what_is_asked_for_is_taken(db: Db) -> None:
    """A daemon that starts nothing by itself takes jobs that were asked for, and shards of running ones, by priority
    like any other; it is woken for those alone."""
    insert_job(db, priority=10)
    insert_job(db)
    future = insert_job(db, run_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert [] == take(db, autostart=False)
    assert 3600 == db.value("select pgjobs.next_wakeup(false)")
    assert 0 == db.value("select pgjobs.next_wakeup(true)")
    running = cut(db, 2, priority=4)
    set_status(db, running, "in progress")
    db.execute("select pgjobs.start_job(%s)", (future,))
    insert_job(db)
    assert 0 == db.value("select pgjobs.next_wakeup(false)")
    assert [(future, 0), (running, 0), (running, 1)] == shards(take(db, autostart=False, places=9))


def test_a_renewed_lease_is_looked_at_later(db: Db) -> None:
    """A lease that was renewed is not taken for one that has run out, and nobody is woken for it before it would."""
    insert_job(db)
    (taken,) = take(db)
    db.execute("update pgjobs.shards set lease_check_at = clock_timestamp() - interval '1 s'")
    assert 0 == db.value("select pgjobs.next_wakeup(true)")
    assert [] == take(db, TWO)
    assert 20 < db.value("select pgjobs.next_wakeup(true)") <= 30
    assert [ONE] == db.column("select owner from pgjobs.shards")
    assert taken[2] == db.value("select epoch from pgjobs.shards")


def test_a_job_that_runs_in_part_moves(db: Db) -> None:
    """A job of which one shard runs while others wait for a free place moves; once nothing of it does, it says why."""
    beat(db, ONE)
    job = cut(db, 3)
    (taken,) = take(db)
    assert db.value("select pgjobs.why(%s)", job) is None
    assert [] == db.execute("select * from pgjobs.stuck_jobs(9)").fetchall()
    db.execute("update pgjobs.shards set note = 'the broker is away', failures = 1 where shard = 1")
    assert reason(db, job).startswith("the broker is away; tried again ")
    db.execute("update pgjobs.shards set note = null, failures = 0")
    db.execute("update pgjobs.events set at = at - interval '1 minute'")
    db.execute("update pgjobs.shards set claimed_at = claimed_at - interval '1 minute'")
    assert reason(db, job).startswith("it waits for a free place ")
    db.execute("update pgjobs.events set at = at + interval '1 minute'")
    db.execute("select pgjobs.park_shard(%s, %s, %s, true, '0 s', 'it gave its place up', false)", taken)
    assert "it gave its place up; it goes on as soon as a daemon has a free place" == reason(db, job)


def test_a_job_changed_behind_the_triggers_is_put_right(db: Db) -> None:
    """A shard that is due though its job may not run, for somebody changed the job with its triggers off, is not taken,
    and keeps no other one from being taken."""
    stopped, gone, later, good = (insert_job(db) for _ in range(4))
    with past_triggers(db):
        db.execute("update xmp_jobs set status = 'canceled' where id = %s", (stopped,))
        db.execute("delete from xmp_jobs where id = %s", (gone,))
        db.execute("update xmp_jobs set run_at = '2100-01-01' where id = %s", (later,))
    assert [(good, 0, 1)] == take(db, places=9)
    assert [later] == db.column("select job_id from pgjobs.shards where due_at is not null")
    assert 0 < db.value("select pgjobs.next_wakeup(true)")


def test_jobs_of_before_the_triggers_are_adopted(db: Db) -> None:
    """Ready jobs that were written while there were no triggers get their shard from migrate, and are claimed then."""
    with past_triggers(db):
        jobs = [insert_job(db, priority=priority) for priority in (0, 4)]
        running = insert_job(db, status="in progress")
    assert [] == take(db)
    assert 2 == db.value("select pgjobs.adopt_jobs()")
    assert 0 == db.value("select pgjobs.adopt_jobs()")
    assert jobs[::-1] == [job for job, _, _ in take(db, places=9)]
    assert 0 == db.value("select count(*) from pgjobs.shards where job_id = %s", running)


def test_a_locked_job_is_passed_over(db: Db, database: str) -> None:
    """While somebody has a row of xmp_jobs locked, a claim takes the next job and waits for nobody."""
    locked, free = insert_job(db), insert_job(db)
    with connect(database) as cms, cms.transaction():
        cms.execute("select from xmp_jobs where id = %s for update", (locked,))
        db.execute("set lock_timeout = '5s'")
        assert [(free, 0, 1)] == take(db, places=9)
    assert [(locked, 0, 1)] == take(db, TWO, places=9)
