"""Ageing: what waits for a place gains a level of priority each minute, so that nothing starves and nothing circles."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from fix_claims import ONE, TWO, YIELDS, Taken, beat, filled, reason, take, yields
from fix_jobs import PREPARE, Db, connect, insert_job, set_clock, set_status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELD = timedelta(seconds=30)


def at(db: Db, seconds: int) -> None:
    """It is so many seconds past noon."""
    set_clock(db, NOON + timedelta(seconds=seconds))


def waits(db: Db, seconds: int, **columns: object) -> int:
    """The id of a job that will have waited for so long at noon."""
    return insert_job(db, run_at=NOON - timedelta(seconds=seconds), **columns)


def run_on(db: Db, seconds: float) -> None:
    """Whatever runs was claimed so much longer ago."""
    db.execute("update pgjobs.shards set claimed_at = claimed_at - make_interval(secs => %s)", (seconds,))


def said(db: Db) -> list[tuple[int, str]]:
    """(job, reason) of what a full daemon has to give up."""
    rows = db.execute(YIELDS, (ONE, ONE, HELD)).fetchall()
    return [(job, why) for job, _, why in rows]


@pytest.mark.parametrize(
    ("own", "since", "level"),
    [
        (5, "12:00:00", 5), (5, "11:59:00.000001", 5), (5, "11:59:00", 6), (5, "11:55:00.000001", 9),
        (5, "11:55:00", 10), (0, "11:50:00.000001", 9), (0, "11:50:00", 10), (9, "11:00:00", 10), (10, "11:00:00", 10),
        (5, "12:00:01", 5), (5, "-infinity", 10), (5, "infinity", 5), (5, None, 5),
    ],
)  # fmt: skip
def test_a_whole_minute_is_a_level(db: Db, own: int, since: str | None, level: int) -> None:
    """Each whole minute since the due time counts one level, up to ten; what is not due yet has its own priority."""
    moment = f"2026-03-01 {since}Z" if since and ":" in since else since
    call = "select pgjobs.aged_priority(%s::smallint, %s::timestamptz, '2026-03-01 12:00Z')"
    assert level == db.value(call, own, moment)


def test_who_has_waited_for_long_comes_before_who_is_more_urgent(db: Db) -> None:
    """The level reached decides, among equal levels the time of waiting: just before the minute is full the more urgent
    job comes first, from then on the other one."""
    set_clock(db, NOON)
    low, usual, high, patient = (
        waits(db, seconds, priority=priority) for priority, seconds in ((0, 299), (5, 0), (9, 0), (5, 300))
    )
    with db.transaction(force_rollback=True):
        assert [patient, high, usual, low] == [take(db, uuid.uuid4())[0][0] for _ in range(4)]
    at(db, 1)
    assert [patient, high, low, usual] == [take(db, uuid.uuid4())[0][0] for _ in range(4)]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("autostart", [True, False])
def test_claims_follow_the_rule(db: Db, seed: int, autostart: bool) -> None:
    """Whatever waits, one place at a time or all in one call: the level first, then the time; once a daemon runs
    something aged, the own priority before the time."""
    chance = random.Random(seed)  # noqa: S311 not a secret
    set_clock(db, NOON)
    jobs = []
    for _ in range(40):
        priority, seconds = chance.randint(0, 10), 7 * chance.randint(-9, 120)
        job = waits(db, seconds, priority=priority, start_asked=True)
        if seconds >= 0:
            jobs.append((min(10, priority + seconds // 60), priority, seconds, job))
    with db.transaction(force_rollback=True):
        expected = sorted(jobs, key=lambda job: (-job[0], -job[2], -job[1], job[3]))
        assert [job for *_, job in expected] == [
            take(db, uuid.uuid4(), autostart=autostart)[0][0] for _ in range(len(jobs))
        ]
    expected, aged = [], False
    while jobs:
        best = min(jobs, key=lambda job: (-job[0], -job[1] if aged else 0, -job[2], -job[1], job[3]))
        jobs.remove(best)
        expected.append(best)
        aged = aged or best[0] > best[1]
    assert [job for *_, job in expected] == [job for job, *_ in take(db, places=50, autostart=autostart)]


def test_a_job_of_low_priority_does_not_starve(db: Db) -> None:
    """More small jobs of the highest priority come than one place can run, for ever: the job of the lowest one has its
    turn as soon as it has aged, after ten minutes."""
    set_clock(db, NOON)
    low = waits(db, 0, priority=0)
    for seconds in range(0, 1200, 10):
        at(db, seconds)
        for _ in range(2):
            insert_job(db, priority=10, run_at=NOON + timedelta(seconds=seconds))
        (taken,) = take(db)
        if taken[0] == low:
            break
        db.execute("select pgjobs.finish_shard(%s, %s, %s)", taken)
    assert 600 == seconds


def test_what_somebody_else_is_taking_brings_no_younger_one_forward(db: Db, database: str) -> None:
    """While one session takes the job that has waited longest, another one takes the best of the rest, not the next
    job of the same low priority."""
    set_clock(db, NOON)
    aged, young, usual = waits(db, 600, priority=0), waits(db, 50, priority=0), waits(db, 0, priority=5)
    with connect(database) as other, other.transaction():
        set_clock(other, NOON)
        assert [aged] == [job for job, *_ in take(other, TWO)]
        assert [usual, young] == [job for job, *_ in take(db, places=9)]


def test_a_place_won_by_waiting_is_kept_for_a_turn(db: Db) -> None:
    """An aged job gets the place of a more urgent one when that has had its turn, not before. It keeps it for a turn of
    its own, except against a job whose own priority is above the level it had. Then it has its own priority."""
    set_clock(db, NOON)
    beat(db, ONE)
    (giant,) = filled(db, ONE, 1, priority=5, run_at=NOON)
    low = waits(db, 0, priority=0)
    at(db, 360)
    assert [] == said(db)
    run_on(db, 31)
    assert [(giant[0], f"it gave its place up to job {low}, whose priority has grown to 6 while it waited")] == said(db)
    (aged,) = take(db, running=[giant])
    assert (low, 6) == (aged[0], db.value("select claimed_priority from pgjobs.shards where job_id = %s", low))
    db.execute("select pgjobs.park_shard(%s, %s, %s, true, null, 'it gave its place up')", giant)
    for priority in (5, 6):
        insert_job(db, priority=priority, run_at=NOON + timedelta(seconds=300))
    assert [] == said(db)
    with db.transaction(force_rollback=True):
        urgent = insert_job(db, priority=7, run_at=NOON + timedelta(seconds=360))
        assert [(low, f"it gave its place up to job {urgent}, whose priority is higher")] == said(db)
    run_on(db, 31)
    ((yielded, why),) = said(db)
    assert (low, True) == (yielded, why.endswith("whose priority is higher"))


@pytest.mark.parametrize("seed", range(3))
def test_whatever_waits_has_its_turn_and_none_is_cut_short(db: Db, seed: int) -> None:
    """Giants of any priorities share two places: each has its turns, and none loses its place before its turn is over
    unless to one whose own priority is above its level, so that no two throw each other out in a circle."""
    chance = random.Random(seed)  # noqa: S311 not a secret
    set_clock(db, NOON)
    beat(db, ONE)
    db.execute("update pgjobs.daemons set seen_at = seen_at + interval '1 hour'")  # it is not silent on a slow machine
    own = {waits(db, 0, priority=priority): priority for priority in chance.choices([0, 1, 5, 9, 10], k=6)}
    due, level = dict.fromkeys(own, 0), dict[int, int]()
    held: Taken = []
    ages = "select job_id, clock_timestamp() - claimed_at from pgjobs.shards where owner is not null"
    for seconds in range(0, 1200, 10):
        at(db, seconds)
        leaving = dict(yields(db, ONE, HELD)) if len(held) == 2 else {}
        age = dict(db.execute(ages).fetchall())
        taken = take(db, places=2 - len(held) + len(leaving), running=held)
        for each in [each for each in held if each[0] in leaving]:
            job = each[0]
            assert age[job] >= HELD or max(own[other] for other, *_ in taken) > level[job]
            db.execute("select pgjobs.park_shard(%s, %s, %s, true, null, 'it gave its place up')", each)
            due[job] = seconds
            held.remove(each)
        for each in taken:
            if each[0] not in level:
                assert "go" == db.value(PREPARE, *each)
            level[each[0]] = min(10, own[each[0]] + (seconds - due[each[0]]) // 60)
        held += taken
        run_on(db, 10)
    assert own.keys() == level.keys()


def test_an_urgent_job_waits_for_one_turn_of_aged_giants(db: Db) -> None:
    """Giants have aged as far as can be, in every place and in a long queue: an urgent job gets the first place whose
    turn is over, before those that have waited longer."""
    set_clock(db, NOON)
    beat(db, ONE)
    running = filled(db, ONE, 2, priority=5, run_at=NOON - timedelta(minutes=11))
    for _ in range(8):
        waits(db, 660, priority=5)
    urgent = waits(db, 0, priority=10)
    assert [] == said(db)
    run_on(db, 31)
    assert f"it gave its place up to job {urgent}, whose priority is higher" in [why for _, why in said(db)]
    assert urgent == take(db, running=running)[0][0]


def test_what_was_stopped_has_not_waited(db: Db) -> None:
    """A job that is resumed, or active again, waits from then on."""
    set_clock(db, NOON)
    stopped, paused = waits(db, 0), waits(db, 0)
    set_status(db, stopped, "canceled")
    db.execute("update xmp_jobs set active = false where id = %s", (paused,))
    at(db, 3600)
    set_status(db, stopped, "ready")
    db.execute("update xmp_jobs set active = true where id = %s", (paused,))
    assert [NOON + timedelta(hours=1)] * 2 == db.column("select due_at from pgjobs.shards")


def test_what_was_lost_has_waited_for_a_minute_at_most(db: Db) -> None:
    """A shard that ran for long under a daemon that is gone comes before others of its priority, not before urgent
    ones."""
    job, fresh = insert_job(db), insert_job(db)
    take(db)
    run_on(db, 3600)
    urgent = insert_job(db, priority=7)
    db.execute("update pgjobs.shards set lease_until = now(), lease_check_at = now() where job_id = %s", (job,))
    assert [urgent, job, fresh] == [taken for taken, *_ in take(db, TWO, places=9)]


def test_why_says_how_far_a_job_has_come(db: Db) -> None:
    """A job that is due while others have a higher priority says so, with the level that it has reached; once it is
    among the first it no longer waits for them."""
    set_clock(db, NOON)
    beat(db, ONE)
    job, higher = waits(db, 0, priority=1), insert_job(db, run_at=NOON + timedelta(seconds=180))
    at(db, 185)
    behind = "it waits for its turn: jobs of a higher priority are due; its own is 1, it gains a level each minute,"
    assert f"{behind} and is at 4 now" == reason(db, job)
    assert reason(db, higher).startswith("it is due: ")
    at(db, 245)
    assert f"{behind} and is at 5 now" == reason(db, job)
    at(db, 605)
    assert reason(db, job).startswith("it is due: ")
