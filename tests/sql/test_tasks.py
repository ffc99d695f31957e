"""Recurring tasks: which occasions they have, and that each occasion has one job, whoever acts and whatever happens."""

import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from fix_jobs import Db, claim, connect, insert_job, set_status
from fix_roles import Login
from fix_services import soon
from fix_tasks import (
    DAILY,
    KEPT,
    KOLKATA,
    MADRID,
    MINUTES,
    SANTIAGO,
    at,
    insert_task,
    jobs,
    occasions,
    set_clock,
    start,
    state,
    waiting,
)
from psycopg.types.json import Jsonb

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
CLAIMS = "select * from pgjobs.claim_shards('11111111-2222-3333-4444-555555555555', '{}', true, '30 s')"


@pytest.mark.parametrize(
    ("pattern", "after", "expected"),
    [
        # Every day, and on days of the week.
        ({"time": "22:44:13", "daily": {}}, "2026-02-27T23:00Z", ["2026-02-28T22:44:13", "2026-03-01T22:44:13"]),
        ({"time": "10:00", "daily": {}}, "2026-11-26T10:00Z", ["2026-11-27T10:00", "2026-11-28T10:00"]),
        (
            {"time": "00:30", "zone": MADRID, "weekly": {"days": ["MON", "SAT"]}},
            "2026-11-26T12:00Z",
            ["2026-11-27T23:30", "2026-11-29T23:30", "2026-12-04T23:30"],
        ),
        (
            {"time": "05:30", "zone": KOLKATA, "daily": {}},
            "2026-01-01T00:00Z",
            ["2026-01-02T00:00", "2026-01-03T00:00"],
        ),
        ({"time": "22:44:13+01:00", "daily": {}}, "2026-07-01T00:00Z", ["2026-07-01T21:44:13", "2026-07-02T21:44:13"]),
        ({"time": "09:00-09:30", "weekly": {"days": ["FRI"]}}, "2026-11-26T00:00Z", ["2026-11-27T18:30"]),
        # The ends of months and leap years.
        (
            {"time": "12:00", "monthly": {"day": 31}},
            "2026-01-31T12:00Z",
            ["2026-03-31T12:00", "2026-05-31T12:00", "2026-07-31T12:00", "2026-08-31T12:00", "2026-10-31T12:00"],
        ),
        ({"time": "12:00", "monthly": {"day": 29}}, "2026-01-29T12:00Z", ["2026-03-29T12:00"]),
        ({"time": "12:00", "monthly": {"day": 29}}, "2028-01-29T12:00Z", ["2028-02-29T12:00"]),
        (
            {"time": "12:00", "monthly": {"day": 3, "months": ["DEC", "JAN"]}},
            "2026-11-26T00:00Z",
            ["2026-12-03T12:00", "2027-01-03T12:00", "2027-12-03T12:00"],
        ),
        ({"time": "12:00", "yearly": {"day": 4, "month": "JAN"}}, "2026-01-04T12:00Z", ["2027-01-04T12:00"]),
        (
            {"time": "12:00", "yearly": {"day": 29, "month": "FEB"}},
            "2088-03-01T00:00Z",
            ["2092-02-29T12:00", "2096-02-29T12:00", "2104-02-29T12:00"],
        ),
        # The clock of Madrid goes on from 02:00 to 03:00 on 29 March 2026, and back from 03:00 to 02:00 on 25 October.
        (
            {"time": "02:30", "zone": MADRID, "daily": {}},
            "2026-03-27T12:00Z",
            ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        (
            {"time": "02:30", "zone": MADRID, "daily": {}},
            "2026-10-24T12:00Z",
            ["2026-10-25T00:30", "2026-10-26T01:30", "2026-10-27T01:30"],
        ),
        # That of Santiago goes on at midnight, 6 September 2026, and back at midnight, 5 April.
        (
            {"time": "00:30", "zone": SANTIAGO, "daily": {}},
            "2026-09-05T12:00Z",
            ["2026-09-06T04:00", "2026-09-07T03:30"],
        ),
        (
            {"time": "23:30", "zone": SANTIAGO, "daily": {}},
            "2026-04-04T12:00Z",
            ["2026-04-05T02:30", "2026-04-06T03:30"],
        ),
    ],
)
def test_the_occasions_of_a_pattern(db: Db, pattern: dict[str, Any], after: str, expected: list[str]) -> None:
    """A pattern is local time in its zone: the first instant after the gap where the time is missing, the first of
    two where it comes twice; a month that is too short has no occasion."""
    set_clock(db, after)
    task = insert_task(db, {"pattern": pattern}, starts_at="2020-01-01Z")
    assert [at(one) for one in expected] == occasions(db, task, len(expected))


@pytest.mark.parametrize(
    ("period", "starts", "after", "expected"),
    [
        ({"each": 5, "unit": "MINUTES"}, "2026-01-01T00:01:30Z", "2026-01-01T12:00Z", ["2026-01-01T12:01:30"]),
        ({"each": 5, "unit": "MINUTES"}, "2026-01-01T00:00Z", "2026-01-01T12:00Z", ["2026-01-01T12:05"]),
        (
            {"each": 90, "unit": "MINUTES"},
            "2030-01-01T00:00Z",
            "2026-01-01T12:00Z",
            ["2030-01-01T00:00", "2030-01-01T01:30"],
        ),
        # Hours are elapsed time, days keep what the clock of their zone shows.
        (
            {"each": 24, "unit": "HOURS"},
            "2026-03-28T01:30Z",
            "2026-03-28T02:00Z",
            ["2026-03-29T01:30", "2026-03-30T01:30"],
        ),
        (
            {"each": 1, "unit": "DAYS", "zone": MADRID},
            "2026-03-28T01:30Z",
            "2026-03-28T02:00Z",
            ["2026-03-29T01:00", "2026-03-30T00:30", "2026-03-31T00:30"],
        ),
        (
            {"each": 1, "unit": "DAYS"},
            "2026-03-28T01:30Z",
            "2026-03-28T02:00Z",
            ["2026-03-29T01:30", "2026-03-30T01:30"],
        ),
        ({"each": 3, "unit": "DAYS", "zone": "+05:30"}, "2026-02-27T20:00Z", "2026-02-27T20:00Z", ["2026-03-02T20:00"]),
    ],
)
def test_the_occasions_of_a_period(
    db: Db, period: dict[str, Any], starts: str, after: str, expected: list[str]
) -> None:
    """A period counts from its start: minutes and hours as elapsed time, days by the clock of a zone."""
    set_clock(db, after)
    task = insert_task(db, {"period": period}, starts_at=starts)
    assert [at(one) for one in expected] == occasions(db, task, len(expected))


def shows_first(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clock of the zone has come to a time, found by looking at the clock."""
    moment = local.replace(tzinfo=UTC, minute=0, second=0) - timedelta(hours=30)
    # In hours until it is near, so that no time that comes twice is stepped over.
    for step, short_of in ((timedelta(hours=1), timedelta(hours=4)), (timedelta(minutes=1), timedelta(0))):
        while (moment + step).astimezone(zone).replace(tzinfo=None) < local - short_of:
            moment += step
    while moment.astimezone(zone).replace(tzinfo=None) < local:
        moment += timedelta(seconds=1)
    return moment


def has_occasion(pattern: dict[str, Any], day: date) -> bool:
    """Whether a pattern names this day."""
    if "daily" in pattern:
        return True
    if "weekly" in pattern:
        return f"{day:%a}".upper() in pattern["weekly"]["days"]
    where = pattern.get("monthly") or pattern["yearly"]
    months = where.get("months") or [where["month"]] if "month" in where or "months" in where else None
    return bool(day.day == where["day"] and (months is None or f"{day:%b}".upper() in months))


def random_pattern(chance: random.Random) -> dict[str, Any]:
    """A pattern that has an occasion now and then."""
    months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    kind: dict[str, Any] = chance.choice(
        [
            {"daily": {}},
            {
                "weekly": {
                    "days": chance.sample(["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], chance.randint(1, 4))
                }
            },
            {"monthly": {"day": chance.randint(1, 31)}},
            {"monthly": {"day": chance.randint(1, 29), "months": chance.sample(months, chance.randint(1, 6))}},
            {"yearly": {"day": chance.randint(1, 29), "month": chance.choice(months)}},
        ]
    )
    moment = time(
        chance.choice([0, 0, 1, 2, 2, 23, chance.randint(0, 23)]), chance.randint(0, 59), chance.choice([0, 59])
    )
    zones = [MADRID, SANTIAGO, KOLKATA, "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]
    return {"time": moment.isoformat(), "zone": chance.choice(zones)} | kind


@pytest.mark.parametrize("seed", range(5))
def test_occasions_are_those_of_a_model(db: Db, seed: int) -> None:
    """Of random patterns in zones of all kinds, the occasions rise, and are the moments at which a clock that is
    looked at every second shows the time on the days of the pattern."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(12):
        pattern = random_pattern(chance)
        after = datetime(chance.randint(2007, 2030), chance.randint(1, 12), chance.randint(1, 28), 11, 7, tzinfo=UTC)
        db.execute("delete from pgjobs.tasks")
        set_clock(db, after.isoformat())
        found = occasions(db, insert_task(db, {"pattern": pattern}, starts_at="2001-01-01Z"), 8)
        assert sorted(set(found)) == found
        expected: list[datetime] = []
        day = after.date() - timedelta(days=2)
        while len(expected) < 8:
            if has_occasion(pattern, day):
                moment = shows_first(
                    datetime.combine(day, time.fromisoformat(pattern["time"])), ZoneInfo(pattern["zone"])
                )
                if moment > after and moment not in expected:
                    expected.append(moment)
            day += timedelta(days=1)
        assert expected == found, (pattern, after)


def test_a_task_makes_its_next_job_at_once(db: Db) -> None:
    """The job for the first occasion is there with the task, as an ordinary row that has what the task gives, and
    its events say where it comes from."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, DAILY, params={"count": 5}, priority=3, id_user=7)
    job = waiting(db, task)
    row = db.row("select task_id, type, status, params, priority, id_user, run_at, active from xmp_jobs")
    assert (task, "expired", "ready", {"count": 5}, 3, 7, at("2026-11-26T10:00"), True) == row
    pace = {"schedule": {"stop_after": "90 min"}, "budget": {"canary": {"first": 5}}}
    insert_task(db, DAILY, rate=2, max_backlog=100, **pace)
    assert (2, 100, *pace.values()) == db.row("select rate, max_backlog, schedule, budget from xmp_jobs where rate > 0")
    assert "made by task" in str(
        db.column("select reason from pgjobs.events where job_id = %s and to_status is null", job)
    )
    assert ("ACTIVE", 1, job) == db.row("select state, runs, next_job from pgjobs.task_status where id = %s", task)


@pytest.mark.parametrize(
    "leave",
    [
        lambda db, job: set_status(db, job, "in progress"),
        lambda db, job: set_status(db, job, "canceled"),
        lambda db, job: set_status(db, job, "error"),
        lambda db, job: db.execute("delete from xmp_jobs where id = %s", (job,)),
        lambda db, job: db.execute("update xmp_jobs set active = false where id = %s", (job,)),
    ],
    ids=["starts", "is stopped", "breaks off", "is deleted", "is held back"],
)
def test_the_next_job_is_made_when_the_one_that_waits_goes(db: Db, leave: Callable[[Db, int], None]) -> None:
    """As soon as the job that waits starts, ends or is deleted, or is held back after its moment, the one for the
    next occasion is there; what becomes of the first one later makes no further one."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_clock(db, "2026-11-26T10:00:01Z")
    leave(db, first)
    second = waiting(db, task)
    assert (second, at("2026-11-27T10:00")) == (
        db.row("select id, run_at from xmp_jobs where task_id = %s and id <> %s and status = 'ready'", task, first)
    )
    status = db.column("select status from xmp_jobs where id = %s", first)
    if status == ["in progress"]:
        set_status(db, first, "canceled")
        set_status(db, first, "ready")
        set_status(db, first, "in progress")
    elif status == ["ready"]:
        db.execute("update xmp_jobs set active = true where id = %s", (first,))
        set_status(db, first, "in progress")
    assert second == waiting(db, task)
    assert 2 == db.value("select runs from pgjobs.task_status")


def test_what_passed_while_nobody_ran_is_not_made_up(db: Db) -> None:
    """After five hours without a daemon, the job that waited starts late, and the next one is for the first occasion
    that is still to come."""
    set_clock(db, "2026-11-26T09:58Z")
    task = insert_task(db, MINUTES, starts_at="2026-11-26T00:00Z")
    set_clock(db, "2026-11-26T15:02Z")
    claim(db, waiting(db, task))
    assert [at("2026-11-26T10:00"), at("2026-11-26T15:05")] == [run_at for run_at, *_ in jobs(db, task)]


@pytest.mark.parametrize(("misfire", "status"), [(None, "ready"), ("skip", "canceled")])
def test_a_job_that_is_too_late_holds_up_no_task(db: Db, misfire: str | None, status: str) -> None:
    """The job of an occasion that is so late that its rule holds or cancels it leaves the next occasion its job."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, schedule={} if misfire is None else {"misfire": misfire})
    first = waiting(db, task)
    set_clock(db, "2026-11-26T18:00Z")
    assert [] == db.execute(CLAIMS.encode()).fetchall()
    assert [(at("2026-11-26T10:00"), status, misfire is not None), (at("2026-11-27T10:00"), "ready", True)] == jobs(
        db, task
    )
    assert waiting(db, task) != first


def test_a_clock_that_is_set_back_repeats_no_occasion(db: Db) -> None:
    """A day that comes again by the clock of the server has no second job for its occasions, also if the repetition
    is written anew meanwhile."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    set_clock(db, "2026-11-26T10:00Z")
    start(db, task)
    set_clock(db, "2026-11-25T10:30Z")
    start(db, task)
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [
        one for one, *_ in jobs(db, task)
    ]
    changed = {"pattern": {"time": "10:00", "zone": "UTC", "daily": {}}}
    db.execute("update pgjobs.tasks set repeating = %s", (Jsonb(changed),))
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [
        one for one, *_ in jobs(db, task)
    ]


def test_an_occasion_whose_job_was_cleared_does_not_come_again(db: Db) -> None:
    """Where the clock is set back, an occasion that has had its job has none again, also if that job is deleted."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_status(db, first, "canceled")
    db.execute("delete from xmp_jobs where id = %s", (first,))
    set_clock(db, "2026-11-25T09:00Z")
    start(db, task)
    assert [at("2026-11-27T10:00"), at("2026-11-28T10:00")] == [run_at for run_at, *_ in jobs(db, task)]


def test_a_task_ends_after_its_runs(db: Db) -> None:
    """most_runs counts the jobs that were made; then the task is finished, until somebody allows more."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, most_runs=2)
    assert [at("2026-11-26T10:00"), at("2026-11-27T10:00")] == occasions(db, task)
    start(db, task)
    assert "ACTIVE" == state(db, task)
    start(db, task)
    assert ("FINISHED", 2, [], 2) == (
        state(db, task),
        len(jobs(db, task)),
        occasions(db, task),
        db.value("select runs from pgjobs.task_status"),
    )
    db.execute("update pgjobs.tasks set most_runs = 3")
    assert ("ACTIVE", 3) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set most_runs = 2")
    assert ("FINISHED", 2) == (state(db, task), len(jobs(db, task)))


def test_a_task_ends_at_its_stop(db: Db) -> None:
    """No occasion comes at stops_at or later; a stop that is moved takes the job along that waits, or lets a new one
    be made."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, stops_at="2026-11-27T10:00Z")
    assert [at("2026-11-26T10:00")] == occasions(db, task)
    start(db, task)
    assert ("FINISHED", 1) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set stops_at = '2026-11-27T10:00:01Z'")
    assert ("ACTIVE", 2) == (state(db, task), len(jobs(db, task)))
    db.execute("update pgjobs.tasks set stops_at = '2026-11-26T12:00Z'")
    assert ("FINISHED", 1) == (state(db, task), len(jobs(db, task)))


def test_a_paused_task_holds_its_job(db: Db) -> None:
    """active = false holds the job that waits, true lets it go; where its moment has passed meanwhile, it gets the
    next occasion."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    db.execute("update pgjobs.tasks set active = false")
    assert ("INACTIVE", [(at("2026-11-26T10:00"), "ready", False)]) == (state(db, task), jobs(db, task))
    said = f"its task {task} is paused: set active = true in pgjobs.tasks"
    assert said == db.value("select pgjobs.why(%s)", waiting(db, task))
    db.execute("update pgjobs.tasks set active = true")
    assert [(at("2026-11-26T10:00"), "ready", True)] == jobs(db, task)
    db.execute("update pgjobs.tasks set active = false")
    set_clock(db, "2026-11-28T11:00Z")
    db.execute("select pgjobs.tend_tasks()")
    assert [(at("2026-11-26T10:00"), "ready", False)] == jobs(db, task)
    db.execute("update pgjobs.tasks set active = true")
    assert ("ACTIVE", [(at("2026-11-29T10:00"), "ready", True)]) == (state(db, task), jobs(db, task))
    assert 1 == db.value("select runs from pgjobs.task_status")


def test_a_changed_task_changes_the_job_that_waits(db: Db) -> None:
    """Another repetition moves the job that waits, other params replace its own; what has started stays as it is."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db, params={"count": 1})
    start(db, task)
    begun = db.row("select j::text from xmp_jobs j where status = 'in progress'")
    db.execute("update pgjobs.tasks set repeating = %s, params = '{\"count\": 2}'", (Jsonb(MINUTES),))
    assert (at("2026-11-26T09:05"), {"count": 2}) == db.row(
        "select run_at, params from xmp_jobs where status = 'ready'"
    )
    assert begun == db.row("select j::text from xmp_jobs j where status = 'in progress'")
    job = waiting(db, task)
    db.execute("update xmp_jobs set run_at = '2026-11-26T09:07Z', priority = 4 where id = %s", (job,))
    db.execute("update pgjobs.tasks set name = 'other', params = '{}'")
    assert (job, at("2026-11-26T09:07"), {}, 4) == db.row(
        "select id, run_at, params, priority from xmp_jobs where status = 'ready'"
    )


def test_a_deleted_task_takes_its_job_along(db: Db) -> None:
    """The job that waits goes with its task, one that has started stays and makes no further one; nothing of the task
    is left."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    begun = waiting(db, task)
    start(db, task)
    db.execute("delete from pgjobs.tasks")
    assert [begun] == db.column("select id from xmp_jobs")
    set_status(db, begun, "canceled")
    assert [begun] == db.column("select id from xmp_jobs")
    assert (0, 0) == db.row(KEPT)
    assert db.value("select pgjobs.task_state(%s)", task) is None


def test_what_is_kept_of_a_run_goes_with_its_job(db: Db) -> None:
    """task_runs has a row for each job of a task, and none for one that was cleared away."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    first = waiting(db, task)
    set_status(db, first, "canceled")
    assert [first, waiting(db, task)] == db.column("select job_id from pgjobs.task_runs order by occasion")
    db.execute("delete from xmp_jobs where id = %s", (first,))
    assert [waiting(db, task)] == db.column("select job_id from pgjobs.task_runs")


def test_all_jobs_deleted_at_once_leave_one_for_each_task(db: Db) -> None:
    """Whoever empties xmp_jobs empties no task: the next job is there again."""
    set_clock(db, "2026-11-26T09:00Z")
    insert_task(db), insert_task(db, MINUTES)
    db.execute("delete from xmp_jobs")
    assert [at("2026-11-26T09:10"), at("2026-11-27T10:00")] == db.column("select run_at from xmp_jobs order by run_at")
    set_clock(db, "")
    assert 2 == db.value("select count(*) from pgjobs.task_runs")


WRONG: list[tuple[object, str]] = [
    (None, "repeating: it has to be a JSON object"),
    ({}, "repeating: it has to be either a period or a pattern"),
    (MINUTES | DAILY, "repeating: it has to be either a period or a pattern"),
    ({"cron": "* * *"}, "repeating.cron: there is no such key"),
    ({"period": 5}, "repeating.period: it has to be a JSON object"),
    ({"pattern": {"time": "10:00", "weekly": {"days": ["MON"] * 1000}}}, "repeating: it is larger than 4 KB"),
]
PERIODS: list[tuple[dict[str, Any], str]] = [
    ({"each": 0, "unit": "DAYS"}, "each: 0 is not a whole number from 1 to 999999"),
    ({"each": -1, "unit": "DAYS"}, "each: -1 is not a whole number from 1 to 999999"),
    ({"each": 0.5, "unit": "HOURS"}, "each: 0.5 is not a whole number from 1 to 999999"),
    ({"each": "5", "unit": "HOURS"}, 'each: "5" is not a whole number from 1 to 999999'),
    ({"unit": "HOURS"}, "each: it is missing"),
    ({"each": None, "unit": "HOURS"}, "each: it is empty"),
    ({"each": 30, "unit": "SECONDS"}, 'unit: "SECONDS" is not a unit'),
    ({"each": 30}, "unit: it is missing"),
    ({"each": 1, "unit": "DAYS", "at": 1}, "at: there is no such key"),
    ({"each": 1, "unit": "HOURS", "zone": MADRID}, "zone: hours are elapsed time, the same in every zone"),
    ({"each": 1, "unit": "DAYS", "zone": "Mars/Base"}, 'zone: "Mars/Base" is not a time zone'),
]
PATTERNS: list[tuple[dict[str, Any], str]] = [
    ({"daily": {}}, ".time: it is missing"),
    ({"time": "24:00", "daily": {}}, '.time: "24:00" is not a time of day'),
    ({"time": 10, "daily": {}}, ".time: 10 is not a time of day"),
    ({"time": "10:00+15:00", "daily": {}}, '.time: "10:00+15:00" is not a time of day'),
    ({"time": "10:00"}, ": it has to be daily, weekly, monthly or yearly"),
    (
        {"time": "10:00", "daily": {}, "weekly": {"days": ["MON"]}},
        ": it has to be daily, weekly, monthly or yearly",
    ),
    ({"time": "10:00", "daily": {"each": 2}}, ".daily: there is nothing to be said about it"),
    ({"time": "10:00", "hourly": {}}, ".hourly: there is no such key"),
    ({"time": "10:00", "zone": "CEST", "daily": {}}, '.zone: "CEST" is not a time zone'),
    ({"time": "10:00", "zone": 1, "daily": {}}, ".zone: 1 is not a time zone"),
    ({"time": "10:00Z", "zone": MADRID, "daily": {}}, ".zone: the time has an offset, which says it already"),
    ({"time": "10:00", "weekly": {"days": []}}, ".weekly.days: [] is not a list of names"),
    ({"time": "10:00", "weekly": {"days": ["Monday"]}}, '.weekly.days: "Monday" is not one of its names'),
    ({"time": "10:00", "weekly": {"days": [["MON"]]}}, '.weekly.days: ["MON"] is not one of its names'),
    ({"time": "10:00", "weekly": {"days": "MON"}}, '.weekly.days: "MON" is not a list of names'),
    ({"time": "10:00", "weekly": {}}, ".weekly.days: it is missing"),
    ({"time": "10:00", "monthly": {"day": 32}}, ".monthly.day: 32 is not a whole number from 1 to 31"),
    ({"time": "10:00", "monthly": {}}, ".monthly.day: it is missing"),
    ({"time": "10:00", "monthly": {"day": 1, "months": [1]}}, ".monthly.months: 1 is not one of its names"),
    ({"time": "10:00", "monthly": {"day": 31, "months": ["MAR", "FEB"]}}, ".monthly.day: there is no 31 FEB"),
    ({"time": "10:00", "yearly": {"day": 30, "month": "FEB"}}, ".yearly.day: there is no 30 FEB"),
    ({"time": "10:00", "yearly": {"day": 3}}, ".yearly.month: it is missing"),
    ({"time": "10:00", "yearly": {"day": 3, "month": ["JAN"]}}, '.yearly.month: ["JAN"] is not one of its names'),
]
REPEATING = [
    *WRONG,
    *(({"period": part}, f"repeating.period.{sentence}") for part, sentence in PERIODS),
    *(({"pattern": part}, f"repeating.pattern{sentence}") for part, sentence in PATTERNS),
]
BAD: list[tuple[dict[str, Any], str, str]] = [
    *(({"repeating": value}, sentence.partition(":")[0], sentence) for value, sentence in REPEATING),
    ({"name": "n" * 201}, "name", "name: it has 201 characters"),
    ({"description": "n" * 2001}, "description", "description: it has 2001 characters"),
    (
        {"stops_at": "2026-11-26T08:00Z"},
        "stops_at",
        "stops_at: 2026-11-26T08:00:00Z is not after starts_at, 2026-11-26T09:00:00Z",
    ),
    (
        {"starts_at": "2020-01-01Z", "stops_at": "2021-01-01Z"},
        "stops_at",
        "stops_at: 2021-01-01T00:00:00Z has passed, so the task would never fire",
    ),
    (
        {"stops_at": "2026-11-26T09:30Z"},
        "stops_at",
        "stops_at: the task would never fire, for no occasion comes before 2026-11-26T09:30:00Z",
    ),
    ({"stops_at": "infinity"}, "stops_at", "stops_at: infinity is out of range"),
    ({"starts_at": "1999-12-31Z"}, "starts_at", "starts_at: 1999-12-31T00:00:00Z is out of range"),
    ({"most_runs": 0}, "most_runs", "most_runs: 0 is out of range"),
    ({"active": None}, "active", "active: it is null"),
    ({"type": "nonsense"}, "type", "type: 'nonsense' is not a registered job type"),
    ({"params": {"count": 0}}, "count", "params.count: 0 would select nothing"),
    ({"params": {"colour": 1}}, "colour", "params.colour: a job of type expired has no such parameter"),
    ({"type": "injection"}, "file_name", "file_name: a job of type injection reads a file and none is named"),
    ({"shards": 65}, "shards", "shards: 65 is out of range"),
    ({"rate": 0}, "rate", "rate: 0 is no number of records per second"),
    ({"schedule": {"misfire": "never"}}, "schedule.misfire", 'schedule.misfire: "never" is not known'),
    ({"budget": {"errors": -1}}, "budget.errors", "budget.errors: -1 is not"),
    ({"priority": 11}, "priority", "priority: 11 is out of range"),
    ({"priority": 70000}, "priority", "priority: 70000 is out of range"),
    ({"callback_url": "nowhere"}, "callback_url", "callback_url: "),
]


def test_a_task_that_can_not_be_right_is_refused(db: Db) -> None:
    """Bad input gets one sentence with the field and a remedy when the row is written or changed, and nothing of it
    stays."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    before = db.row("select t::text from pgjobs.tasks t"), jobs(db, task)
    for columns, field, sentence in BAD:
        values = {"type": "expired", "repeating": DAILY} | columns
        changes = ", ".join(f"{name} = %s" for name in columns)
        marks = ", ".join(["%s"] * len(values))
        statements: list[tuple[str, dict[str, Any]]] = [
            (f"insert into pgjobs.tasks ({', '.join(values)}) values ({marks})", values),  # noqa: S608 - names of the test
            (f"update pgjobs.tasks set {changes}", columns),  # noqa: S608 - names of the test
        ]
        # To let a task end is no fault.
        for statement, given in statements[: 1 if "would never fire" in sentence else 2]:
            said = db.refusal(statement, *(Jsonb(one) if isinstance(one, dict) else one for one in given.values()))
            assert ("PJ400", field) == (said.sqlstate, said.column_name), sentence
            assert (said.message_primary or "").startswith(sentence), said.message_primary
            assert said.message_hint, sentence
        assert before == (db.row("select t::text from pgjobs.tasks t"), jobs(db, task)), sentence
    said = db.refusal("update pgjobs.tasks set starts_at = '2026-11-27T10:30Z', stops_at = '2026-11-28T09:00Z'")
    assert ("never", "stops_at") == (said.constraint_name, said.column_name)


def test_task_id_is_not_written_by_hand(db: Db, cms: Db) -> None:
    """Nobody gives a job to a task, takes one away from it, or makes a second job of an occasion."""
    task = insert_task(db)
    other = insert_job(cms)
    for statement, value in (
        ("insert into xmp_jobs (type, task_id) values ('expired', %s)", task),
        ("insert into xmp_jobs (type, task_id) values ('expired', %s)", task + 1),
        (f"update xmp_jobs set task_id = %s where id = {other}", task),  # noqa: S608 - a number
        (f"update xmp_jobs set task_id = %s where id <> {other}", None),  # noqa: S608 - a number
    ):
        said = cms.refusal(statement, value)
        assert ("PJ400", "by_hand", "task_id") == (said.sqlstate, said.constraint_name, said.column_name)


def test_an_operator_writes_tasks_and_a_viewer_reads_them(db: Db, login: Login) -> None:
    """A member of pgjobs_operator inserts, changes and deletes tasks without rights on xmp_jobs; a viewer sees them and
    what comes; a CMS that starts the job of one needs no right on it."""
    operator, viewer = login("pgjobs_operator"), login("pgjobs_viewer")
    task = insert_task(operator, MINUTES, name="every five minutes")
    operator.execute("update pgjobs.tasks set priority = 2")
    assert [2] == db.column("select priority from xmp_jobs")
    assert ("every five minutes", "ACTIVE") == viewer.row("select name, state from pgjobs.task_status")
    assert 3 == len(occasions(viewer, task, 3))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        viewer.execute("table pgjobs.tasks")
    assert 1 == operator.run("delete from pgjobs.tasks")
    assert 0 == db.value("select count(*) from xmp_jobs")


def test_a_refused_next_job_holds_up_nobody_and_comes_later(db: Db) -> None:
    """Where the next job can't be made, the one that waits starts all the same; the task says why it has none, and
    gets it as soon as nothing is in the way."""
    set_clock(db, "2026-11-26T09:00Z")
    task = insert_task(db)
    db.execute("alter table xmp_jobs add constraint in_the_way check (run_at < '2026-11-26T12:00Z') not valid")
    start(db, task)
    assert [(at("2026-11-26T10:00"), "in progress", True)] == jobs(db, task)
    assert "in_the_way" in db.value("select trouble from pgjobs.task_status")
    assert "ACTIVE" == state(db, task)
    set_clock(db, "2026-11-26T09:02Z")
    assert (1, 1) == (db.value("select pgjobs.tend_tasks()"), len(jobs(db, task)))
    db.execute("alter table xmp_jobs drop constraint in_the_way")
    set_clock(db, "2026-11-26T09:04Z")
    assert 1 == db.value("select pgjobs.tend_tasks()")
    assert at("2026-11-27T10:00") == jobs(db, task)[1][0]
    assert (None, 2) == db.row("select trouble, runs from pgjobs.task_status")


def test_a_job_that_went_unseen_or_was_held_beyond_its_moment_is_left_behind(db: Db) -> None:
    """The elected daemon moves a task on whose job was held until its moment passed, or ended while triggers were off;
    one whose job is merely late is left alone."""
    set_clock(db, "2026-11-26T09:00Z")
    held, unseen, late = insert_task(db), insert_task(db), insert_task(db)
    db.execute("update xmp_jobs set active = false where task_id = %s", (held,))
    db.execute("set session_replication_role = replica")
    db.execute("update xmp_jobs set status = 'done' where task_id = %s", (unseen,))
    db.execute("set session_replication_role = origin")
    assert 0 == db.value("select pgjobs.tend_tasks()")
    set_clock(db, "2026-11-26T10:30Z")
    assert 2 == db.value("select pgjobs.tend_tasks()")
    assert [2, 2, 1] == [len(jobs(db, task)) for task in (held, unseen, late)]
    set_clock(db, "2026-11-26T10:40Z")
    assert 0 == db.value("select pgjobs.tend_tasks()")


def stands(db: Db, late: Future[Any]) -> bool:
    """Whether a statement has come to its end, or waits for a lock."""
    return late.done() or db.value(WAITING) == 1


CHANGES = {
    "start": "update xmp_jobs set status = 'in progress' where id = %(job)s",
    "stop": "update xmp_jobs set status = 'canceled' where id = %(job)s",
    "clear": "delete from xmp_jobs where id = %(job)s",
    "change": "update pgjobs.tasks set priority = 9",
    "move": """update pgjobs.tasks set repeating = '{"period": {"each": 7, "unit": "HOURS"}}'""",
    "pause": "update pgjobs.tasks set active = false",
    "drop": "delete from pgjobs.tasks",
}


@pytest.mark.parametrize("first", CHANGES)
def test_two_sessions_leave_one_job_that_waits(db: Db, database: str, first: str) -> None:
    """Whoever changes a task while its job starts or ends, or the other way round, waits for that and goes on from
    there: afterwards one job waits, as the task wants it, and none where the task is gone."""
    ready = "select id, run_at, priority, active from xmp_jobs where status = 'ready'"
    for second, statement in CHANGES.items():
        db.execute("delete from pgjobs.tasks")
        db.execute("delete from xmp_jobs where status <> 'in progress'")
        task = insert_task(db, MINUTES)
        job = waiting(db, task)
        claims = f"select set_config('pgjobs.claims', '{job}', false)".encode()
        with connect(database) as one, connect(database) as other, ThreadPoolExecutor(1) as thread:
            one.execute("begin")
            one.execute(claims)
            other.execute(claims)
            one.execute(CHANGES[first].encode(), {"job": job})
            # Whoever looks after tasks passes over one that somebody is busy with.
            assert 0 == db.value("select pgjobs.tend_tasks()")
            late = thread.submit(other.execute, statement.encode(), {"job": job})
            assert soon(partial(stands, db, late))
            one.execute("commit")
            if (refused := late.exception(30)) is not None:
                # A job that has ended, or is gone, can't be started or stopped, one that runs can't be deleted.
                assert "PJ409" == getattr(refused, "sqlstate", None), (second, refused)
        if "drop" in (first, second):
            assert [] == db.execute(ready.encode()).fetchall(), second
            assert (0, 0) == db.row(KEPT), second
            continue
        wanted = db.row(
            "select p.job_id, p.occasion, t.priority, t.active from pgjobs.task_progress p, pgjobs.tasks t"
            " where t.id = p.task_id"
        )
        assert [wanted] == db.execute(ready.encode()).fetchall(), second
        if "move" in (first, second):
            starts = db.value("select starts_at from pgjobs.tasks")
            assert timedelta(0) == (wanted[1] - starts) % timedelta(hours=7), second


def test_many_sessions_make_one_job_of_an_occasion(db: Db, database: str) -> None:
    """While several sessions start, stop and delete jobs, and change their tasks, nobody is refused by a deadlock, no
    occasion has two jobs, and in the end one job of each task waits."""
    tasks = [insert_task(db, MINUTES, starts_at="2026-11-26T00:00Z") for _ in range(2)]

    def act(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        with connect(database) as session:
            for _ in range(40):
                task = chance.choice(tasks)
                change = chance.choice(["stop", "stop", "clear", "change", "pause", "resume"])
                job = session.value("select coalesce(max(next_job), 0) from pgjobs.task_status where id = %s", task)
                statement = CHANGES.get(change, "update pgjobs.tasks set active = true")
                where = f" where id = {task}" if "pgjobs.tasks" in statement else " and status = 'ready'"
                session.execute((statement + where).encode(), {"job": job})
                session.execute("select pgjobs.tend_tasks()")

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(act, seed) for seed in range(4)]:
            done.result(120)
    made = db.execute(b"select task_id, occasion from pgjobs.task_runs").fetchall()
    assert len(set(made)) == len(made) > 20
    assert [(None, 1)] * 2 == db.execute(
        b"select trouble, (select count(*) from xmp_jobs j where j.task_id = t.id and j.status = 'ready')"
        b" from pgjobs.task_status t where next_job is not null"
    ).fetchall()


def test_what_a_task_costs_does_not_grow(db: Db) -> None:
    """To go on to the next occasion, and to look after tasks, touches a few blocks, however many runs and tasks there
    are."""
    task = insert_task(db, MINUTES)
    job = waiting(db, task)
    db.execute(
        "insert into pgjobs.task_runs (task_id, occasion, job_id)"  # noqa: S608 - a number
        f" select {task}, timestamptz '2000-01-01Z' + n * interval '1 h', -n from generate_series(1, 30000) n;"
        " insert into pgjobs.task_progress (task_id, occasion, job_id, check_at)"
        " select -n, now() + interval '1 day', -n, now() + interval '1 day' from generate_series(1, 30000) n;"
        " analyze pgjobs.task_runs; analyze pgjobs.task_progress".encode()
    )
    for call in ("pgjobs.tend_tasks()", f"pgjobs.leave_task_job({task}, {job})", f"pgjobs.occasions({task}, 5)"):
        touched = []
        for _ in range(2):
            # The second time: the first one reads the catalogs as well.
            with db.transaction(force_rollback=True):
                touched.append(db.value(f"explain (analyze, buffers, format json) select {call}")[0]["Plan"])
        assert touched[1]["Shared Hit Blocks"] + touched[1]["Shared Read Blocks"] < 150, call
    db.execute("delete from xmp_jobs")
    assert 1 == db.value("select count(*) from pgjobs.task_runs where job_id > 0")
