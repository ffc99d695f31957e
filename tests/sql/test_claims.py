"""Claims: which shards a daemon is given, which ones it leaves to others, and which ones it gives up."""

import json
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fix_claims import (
    CLAIM,
    ONE,
    THREE,
    TWO,
    YIELDS,
    Taken,
    beat,
    cut,
    filled,
    reason,
    shards,
    take,
    yields,
)
from fix_jobs import Db, Notifications, connect, insert_job, job_in, set_clock, set_status
from fix_services import soon

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STOP_AND_RESUME = (
    "select pgjobs.resume_job((pgjobs.stop_job(id) ->> 'id')::bigint) from xmp_jobs"
    " where id = %s and status = 'in progress'"
)


def status(db: Db, job: int) -> str:
    return str(db.value("select status from xmp_jobs where id = %s", job))


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


def test_jobs_of_equal_priority_take_turns(db: Db) -> None:
    """Of a job of many shards one is due at a time: a job that falls due later starts before the next ones of them."""
    giant = cut(db, 8)
    (first,) = take(db)
    small = insert_job(db)
    db.execute("update pgjobs.shards set due_at = due_at - interval '1 s' where job_id = %s", (small,))
    assert [(small, 0), (giant, 1)] == shards(take(db, places=2, running=[first]))
    assert 1 == db.value("select count(*) from pgjobs.shards where job_id = %s and due_at is not null", giant)


def test_every_shard_has_its_turn(db: Db) -> None:
    """All shards of a job are handed out one behind the other, in one call or many, with a notification for those who
    wait; when all are held or finished none is due."""
    job = cut(db, 5)
    taken = take(db, places=2)
    taken += take(db, places=1, running=taken)
    taken += take(db, places=9, running=taken)
    assert [(job, shard, 1) for shard in range(5)] == taken
    assert [] == db.column("select shard from pgjobs.shards where due_at is not null")


def test_a_turn_is_passed_on_whatever_becomes_of_a_shard(db: Db) -> None:
    """A shard that is given up waits behind the one whose turn it is, and has its turn at once where none has it."""
    job = cut(db, 3)
    first, second = take(db, places=2)
    due = "select shard from pgjobs.shards where job_id = %s and due_at is not null"
    db.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", first)
    assert [2] == db.column(due, job)
    third, again = take(db, places=2, running=[second])
    assert [(job, 2), (job, 0)] == shards([third, again])
    db.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", second)
    assert [1] == db.column(due, job)


@contextmanager
def meanwhile(db: Db, database: str, call: str, args: tuple[Any, ...]) -> Iterator[None]:
    """Another session makes a call that waits for a lock which the block holds on to."""
    with connect(database) as other:
        thread = threading.Thread(target=other.execute, args=(call, args))
        thread.start()
        waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        assert soon(lambda: db.value(f"select exists ({waits})"))
        yield
        thread.join(30)
        assert not thread.is_alive()


def test_two_sessions_never_lose_a_turn(db: Db, database: str) -> None:
    """While one session takes the shard whose turn it is, another gives up its own: that one has its turn then."""
    job = cut(db, 3)
    first, second = take(db, places=2)
    with connect(database) as other:
        other.execute("begin")
        assert [(job, 2)] == shards(take(other, running=[first, second]))
        with meanwhile(db, database, "select pgjobs.release_shard(%s, %s, %s, true, false)", first):
            other.execute("commit")
    assert [0] == db.column("select shard from pgjobs.shards where due_at is not null")


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


def test_the_last_shard_to_end_passes_the_turn_on_to_one_that_is_locked(db: Db, database: str) -> None:
    """Nobody else would pass it on later, so whoever has locked the next shard for the moment is waited for."""
    job = cut(db, 2)
    (first,) = take(db)
    db.execute("update pgjobs.shards set due_at = null")
    with connect(database) as somebody:
        somebody.execute("begin")
        somebody.execute("select from pgjobs.shards where shard = 1 for update")
        with meanwhile(db, database, "select pgjobs.finish_shard(%s, %s, %s)", first):
            somebody.execute("commit")
    assert [(job, 1, 1)] == take(db)


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


def test_a_full_daemon_leaves_the_shards_to_one_that_has_places(db: Db) -> None:
    """Two daemons share the shards of a job while both have places; what a full one can't take, the other one gets."""
    for daemon in (ONE, TWO):
        beat(db, daemon)
    job = cut(db, 4)
    mine = take(db, TWO, places=4)
    assert [(job, 0), (job, 1)] == shards(mine)
    assert [] == take(db, TWO, places=2, running=mine)
    full = take(db, ONE, places=1)
    assert [(job, 2)] == shards(full)
    assert not db.value("select has_place from pgjobs.daemons where id = %s", ONE)
    assert [(job, 3)] == shards(take(db, TWO, places=2, running=mine))


def test_a_daemon_without_a_broker_counts_for_nothing(db: Db) -> None:
    """A daemon whose broker is away gets no shard while another one reaches its broker, and no share is kept for it;
    alone it is given all, for then nobody else can help."""
    beat(db, ONE, "connection refused")
    beat(db, TWO)
    job = cut(db, 4)
    assert [] == take(db, ONE, places=4, broker="connection refused")
    assert [(job, shard) for shard in range(4)] == shards(take(db, TWO, places=4))
    other = insert_job(db)
    db.execute("select pgjobs.leave(%s)", (TWO,))
    assert [(other, 0)] == shards(take(db, ONE, places=4, broker="connection refused"))


def test_a_daemon_that_fell_silent_counts_for_nothing(db: Db) -> None:
    """No share is kept for a daemon that was not heard of for three heartbeats."""
    beat(db, ONE)
    beat(db, TWO)
    db.execute("update pgjobs.daemons set seen_at = seen_at - interval '16 s' where id = %s", (ONE,))
    cut(db, 4)
    assert 4 == len(take(db, TWO, places=9))


def test_a_full_daemon_gives_up_as_many_places_as_are_asked_for(db: Db) -> None:
    """For each shard of a higher priority one place of the lowest priority is given up, with the reason; no shard is
    told so twice."""
    beat(db, ONE)
    low = filled(db, ONE, 2, priority=2)
    high = filled(db, ONE, 2, running=low, priority=7)
    assert [] == yields(db, ONE)
    insert_job(db, priority=2)
    assert [] == yields(db, ONE)
    urgent = insert_job(db, priority=6)
    given = db.execute(YIELDS, (ONE, ONE, timedelta(seconds=30))).fetchall()
    assert [(*low[0][:2], f"it gave its place up to job {urgent}, whose priority is higher")] == given
    more = take(db, ONE, running=[*low, *high])
    assert [(urgent, 0)] == shards(more)
    assert [] == yields(db, ONE)
    for _ in range(2):
        insert_job(db, priority=9)
    assert shards([low[1], *more]) == yields(db, ONE)


def test_two_full_daemons_give_up_one_place_for_one_shard(db: Db, database: str) -> None:
    """Whichever daemon looks first makes room, and until it has claimed for it no other one does; one that has a place
    free makes all others keep theirs."""
    held = {}
    for daemon in (ONE, TWO):
        beat(db, daemon)
        held[daemon] = filled(db, daemon, 2)
    urgent = insert_job(db, priority=6)
    with connect(database) as other, other.transaction():
        assert 1 == len(yields(other, ONE))
        assert [] == yields(db, TWO)
    assert [] == yields(db, TWO)
    assert [(urgent, 0)] == shards(take(db, ONE, running=held[ONE]))
    insert_job(db, priority=6)
    beat(db, THREE)
    assert [] == yields(db, TWO)
    beat(db, THREE, "connection refused")
    assert 1 == len(yields(db, TWO))


def test_equal_jobs_yield_after_a_while(db: Db) -> None:
    """A shard that has held its place for the life of a cursor yields to a due shard of another job of its priority;
    not to one of its own job, nor before, nor while it is being prepared."""
    beat(db, ONE)
    (mine,) = filled(db, ONE, 1, shards=2)
    assert [] == yields(db, ONE, timedelta(0))
    other = insert_job(db)
    assert [] == yields(db, ONE)
    db.execute("update pgjobs.shards set prepared_at = null")
    assert [] == yields(db, ONE, timedelta(0))
    db.execute("update pgjobs.shards set prepared_at = now()")
    given = db.execute(YIELDS, (ONE, ONE, timedelta(0))).fetchall()
    assert [(*mine[:2], f"it gave its place up to job {other}, whose turn it was")] == given


def test_a_daemon_that_starts_nothing_makes_others_give_up_places(db: Db) -> None:
    """The free place of a daemon without autostart is none for a job that nobody asked for."""
    beat(db, ONE)
    beat(db, TWO)
    assert [] == take(db, TWO, autostart=False)
    filled(db, ONE, 1)
    urgent = insert_job(db, priority=6)
    assert [] == take(db, TWO, autostart=False)
    assert 1 == len(yields(db, ONE))
    assert reason(db, urgent).startswith("it is due")


def test_a_full_daemon_frees_what_another_one_lost(db: Db) -> None:
    """When the only daemon with places has died, its shards are due for those that are full, by their priority."""
    urgent = insert_job(db, priority=6)
    take(db, TWO)
    beat(db, ONE)
    low = filled(db, ONE, 1)
    assert [] == yields(db, ONE)
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity' where job_id = %s",
        (urgent,),
    )
    assert shards(low) == yields(db, ONE)


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
    db.execute("set session_replication_role = replica")
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (stopped,))
    db.execute("delete from xmp_jobs where id = %s", (gone,))
    db.execute("update xmp_jobs set run_at = '2100-01-01' where id = %s", (later,))
    db.execute("reset session_replication_role")
    assert [(good, 0, 1)] == take(db, places=9)
    assert [later] == db.column("select job_id from pgjobs.shards where due_at is not null")
    assert 0 < db.value("select pgjobs.next_wakeup(true)")


def test_jobs_of_before_the_triggers_are_adopted(db: Db) -> None:
    """Ready jobs that were written while there were no triggers get their shard from migrate, and are claimed then."""
    db.execute("set session_replication_role = replica")
    jobs = [insert_job(db, priority=priority) for priority in (0, 4)]
    running = insert_job(db, status="in progress")
    db.execute("reset session_replication_role")
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


def test_a_passed_turn_is_notified(db: Db, notifications: Notifications) -> None:
    """When the next shard of a running job falls due the daemons hear of it, for one of them may have a place."""
    job = cut(db, 2)
    notifications.received()
    take(db)
    assert {"id": job, "status": "in progress"} == json.loads(json.dumps(notifications.received()[-1]))
    take(db, TWO)
    assert [] == notifications.received()
