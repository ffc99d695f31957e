"""Shards that are parked, given up, stopped and resumed: each is due again, whatever happens at the same moment."""

import random
import threading
import uuid
from typing import Any

import psycopg
import pytest
from fix_claims import CLAIM, ONE, TWO, Taken, beat, cut, meanwhile, reason, take
from fix_jobs import Db, connect, insert_job, job_in, set_status

STOP_AND_RESUME = (
    "select pgjobs.resume_job((pgjobs.stop_job(id) ->> 'id')::bigint) from xmp_jobs"
    " where id = %s and status = 'in progress'"
)


def status(db: Db, job: int) -> str:
    return str(db.value("select status from xmp_jobs where id = %s", job))


def test_a_parked_shard_keeps_reason_and_due_time(db: Db) -> None:
    """A parked shard is nobody's until its time comes; why says the reason and the time, the timer rings then."""
    job = insert_job(db)
    (taken,) = take(db)
    beat(db, ONE)
    assert db.value("select pgjobs.park_shard(%s, %s, %s, true, interval '5 min', 'the queue is full', false)", *taken)
    due = db.value("select due_at from pgjobs.shards")
    assert [] == take(db)
    assert 290 < db.value("select pgjobs.next_wakeup(true)") <= 300
    assert reason(db, job) == f"the queue is full; it goes on at {due:%Y-%m-%dT%H:%M:%SZ}"
    assert not db.value(
        "select pgjobs.park_shard(%s, %s, 99, true, interval '1 s', 'an owner of old', false)", *taken[:2]
    )
    assert (due, "the queue is full") == db.row("select due_at, note from pgjobs.shards")
    db.execute("update pgjobs.shards set due_at = now()")
    assert [(job, 0, 2)] == take(db)


def test_the_age_of_the_last_checkpoint_grows_over_attempts(db: Db) -> None:
    """A shard that is taken and parked again and again is as old as its last checkpoint: an alert can see it."""
    insert_job(db)
    (taken,) = take(db)
    db.execute("update pgjobs.shards set updated_at = '2026-01-01Z'")
    db.execute("select pgjobs.park_shard(%s, %s, %s, true, '0 s', 'the broker is away', true)", taken)
    db.execute("update pgjobs.shards set due_at = now()")
    assert 1 == len(take(db))
    assert "2026-01-01" == str(db.value("select updated_at from pgjobs.shards"))[:10]


def test_a_parked_job_that_is_stopped_and_resumed_goes_on_at_once(db: Db) -> None:
    """A stop makes a parked shard due never; resumed, its job waits for no pause of before."""
    job = insert_job(db)
    (taken,) = take(db)
    db.execute("select pgjobs.park_shard(%s, %s, %s, true, interval '5 min', 'the queue is full', false)", taken)
    set_status(db, job, "canceled")
    assert (None, "the queue is full") == db.row("select due_at, note from pgjobs.shards")
    assert 3600 == db.value("select pgjobs.next_wakeup(true)")
    set_status(db, job, "ready")
    assert [(job, 0, 2)] == take(db)
    assert db.value("select note from pgjobs.shards") is None


def test_a_shard_given_up_while_its_job_is_resumed_is_not_forgotten(db: Db, database: str) -> None:
    """Stopped and resumed in a transaction that is still open while its daemon gives the shard up: it is due then."""
    job = insert_job(db)
    (taken,) = take(db)
    with connect(database) as cms:
        cms.execute("begin")
        set_status(cms, job, "canceled")
        set_status(cms, job, "ready")
        with meanwhile(db, database, "select pgjobs.release_shard(%s, %s, %s, true, false)", taken):
            cms.execute("commit")
    assert [(job, 0, 2)] == take(db)


def test_a_job_resumed_while_its_shard_is_given_up_is_not_forgotten(db: Db, database: str) -> None:
    """Resumed in the moment at which its daemon gives the shard of the stopped job up, it goes on."""
    job = cut(db, 2)
    first, second = take(db, places=2)
    db.execute("select pgjobs.finish_shard(%s, %s, %s)", first)
    set_status(db, job, "canceled")
    with connect(database) as daemon:
        daemon.execute("begin")
        daemon.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", second)
        with meanwhile(db, database, "update xmp_jobs set status = 'ready' where id = %s", (job,)):
            daemon.execute("commit")
    assert [(job, 1, 2)] == take(db)


@pytest.mark.parametrize(
    "end",
    [
        "select pgjobs.finish_shard(%s, %s, %s)",
        "select pgjobs.fail_job(%s, %s, %s, true, 'log_io', 'the disk is full')",
        "select pgjobs.release_shard(%s, %s, %s, true, true)",
        "select pgjobs.park_shard(%s, %s, %s, true, null, 'the broker is away', true)",
    ],
    ids=["finished", "failed", "handed back", "interrupted"],
)
def test_a_job_resumed_before_its_run_has_ended_goes_on(db: Db, end: str) -> None:
    """Stopped and resumed while its last window is in flight, it is not forgotten, however that run ends: it is taken
    again, or done where nothing is left of it."""
    job = insert_job(db)
    (taken,) = take(db)
    set_status(db, job, "canceled")
    set_status(db, job, "ready")
    db.execute(end.encode(), taken)
    assert not db.value("select pgjobs.is_stranded(%s)", job)
    db.execute("update pgjobs.shards set due_at = now() where due_at > now()")
    again = take(db)
    assert ("done", []) == (status(db, job), again) if "finish" in end else [(job, 0, 2)] == again


def test_a_job_that_nobody_would_ever_take_says_so(db: Db) -> None:
    """Where somebody has taken the due times of its shards away by hand, why names the remedy, and it helps."""
    jobs = [insert_job(db), job_in(db, "in progress")]
    assert [False, False] == [db.value("select pgjobs.is_stranded(%s)", job) for job in jobs]
    beat(db, TWO)
    db.execute("update pgjobs.shards set due_at = null")
    for job in jobs:
        assert reason(db, job).startswith(f'none of its shards is due, so no daemon takes it: run "pgjobs stop {job}"')
        set_status(db, job, "canceled")
        assert not db.value("select pgjobs.is_stranded(%s)", job)
        set_status(db, job, "ready")
    assert [(job, 0, 1) for job in jobs] == take(db, places=2)


class Crowd:
    """Sessions that claim, give up, end, stop, resume and change the shards of the same few jobs in any order."""

    MOVES = (
        (3, "select pgjobs.release_shard(%s, %s, %s, true, false)"),
        (2, "select pgjobs.release_shard(%s, %s, %s, true, true)"),
        (2, "select pgjobs.park_shard(%s, %s, %s, true, interval '1 ms', 'it waits', false)"),
        (1, "select pgjobs.finish_shard(%s, %s, %s)"),
        (1, "select pgjobs.fail_job(%s, %s, %s, true, 'log_io', 'the disk is full')"),
    )
    ORDERS = (
        "select pgjobs.stop_job(id) from xmp_jobs where id = %s and status in ('ready', 'in progress')",
        "select pgjobs.resume_job(id) from xmp_jobs where id = %s and status in ('canceled', 'error')",
        STOP_AND_RESUME,
        "update xmp_jobs set priority = 9 - priority where id = %s",
        "select pgjobs.start_job(id) from xmp_jobs where id = %s and status = 'ready'",
        "update xmp_jobs set status = 'ready' where id = %s and status = 'in progress'",
    )

    def __init__(self, database: str, jobs: list[int]) -> None:
        self.database = database
        self.jobs = jobs
        self.errors: list[BaseException] = []

    def daemon(self, seed: int, turns: int) -> None:
        """One session that claims two shards at a time, and gives them up in some way or other."""
        chance, me = random.Random(seed), uuid.UUID(int=100 + seed)  # noqa: S311 not a secret
        held: Taken = []
        weights, calls = [weight for weight, _ in self.MOVES], [call for _, call in self.MOVES]
        with connect(self.database, lock_timeout="5s") as session:
            for _ in range(turns):
                held += self.tried(session, CLAIM, (me, [f"{j}/{s}" for j, s, _ in held], True, 2, "idle"))
                chance.shuffle(held)
                while held and chance.random() < 0.7:
                    self.tried(session, chance.choices(calls, weights)[0], held.pop())

    def people(self, seed: int, turns: int) -> None:
        """One session of somebody who stops, resumes, starts and changes jobs."""
        chance = random.Random(seed)  # noqa: S311 not a secret
        with connect(self.database, lock_timeout="5s") as session:
            for _ in range(turns):
                self.tried(session, chance.choice(self.ORDERS), (chance.choice(self.jobs),))

    def tried(self, session: Db, call: str, arguments: tuple[object, ...]) -> Any:
        """What a call answers; refusals and collisions are nothing, for the transaction is as if it had never been."""
        try:
            return (
                session.execute(call.encode(), arguments).fetchall()
                if "select" in call
                else session.run(call, *arguments)
            )
        except psycopg.Error as error:
            if (error.sqlstate or "")[:2] not in ("PJ", "40", "55"):
                self.errors.append(error)
            return []

    def run(self, turns: int, *, seed: int) -> None:
        """Everybody at once."""
        works = [
            (self.daemon, seed + 1),
            (self.daemon, seed + 2),
            (self.daemon, seed + 3),
            (self.people, seed),
            (self.people, seed + 4),
        ]
        threads = [threading.Thread(target=work, args=(each, turns)) for work, each in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert [] == self.errors
        assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("seed", [0, 10, 20])
def test_no_order_of_moves_leaves_a_job_that_nobody_takes(db: Db, database: str, seed: int) -> None:
    """Whatever daemons and people do at the same moments, every job that is to run has a shard that is held or due, and
    in the end all of them can be finished."""
    jobs = [cut(db, 1 + number % 4) for number in range(6)]
    watch = threading.Event()
    stranded: list[int] = []

    def look() -> None:
        with connect(database) as session:
            while not watch.is_set():
                stranded.extend(session.column("select id from xmp_jobs where pgjobs.is_stranded(id)"))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        Crowd(database, jobs).run(60, seed=seed)
    finally:
        watch.set()
        looker.join(30)
    assert [] == stranded
    db.execute("select pgjobs.resume_job(id) from xmp_jobs where status in ('canceled', 'error')")
    over = "update pgjobs.shards set lease_until = now(), lease_check_at = now() where owner is not null"
    db.execute(over.encode())
    for _ in range(40):
        db.execute("update pgjobs.shards set due_at = now() where due_at > now()")
        for shard in take(db, places=20):
            db.execute("select pgjobs.finish_shard(%s, %s, %s)", shard)
    assert {"done"} == set(db.column("select status::text from xmp_jobs"))
