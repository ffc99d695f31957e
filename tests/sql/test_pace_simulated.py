"""Jobs and people by a simulated clock: whatever is drawn, nothing goes that must not, and all goes that may.

tests/support/fix_simulated.py plays two daemons that make the engine's calls, tests/models/model_pace.py is the judge.
PGJOBS_TEST_LONG=1 (with pytest's `-o faulthandler_timeout=0`) draws many new games, not the same few.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import partial

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect
from fix_simulated import TYPE, Game
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from model_pace import Order
from model_windows import DAYS, Window

from pgjobs.lab.services import Services

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2019, 6, 30, 12, tzinfo=UTC)
MADRID, SANTIAGO = "Europe/Madrid", "America/Santiago"
LONG = bool(os.environ.get("PGJOBS_TEST_LONG"))
FEW = settings(
    deadline=None,
    derandomize=not LONG,
    # A game takes long to shrink; so many new ones find another one of the kind.
    phases=[Phase.explicit, Phase.generate] if LONG else [*Phase],
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def db(services: Services, template_database: str) -> Iterator[Db]:
    """A connection to a database that these tests share; each game begins with no jobs."""
    with shared_database(services, template_database, "simulated") as url, connect(url) as connection:
        connection.execute(TYPE.encode())
        yield connection


def moment(text: str) -> datetime:
    """A moment in UTC, written as 2026-10-25 01:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(zone: str, hours: str, days: str = "") -> Window:
    """A window: its zone, its hours as 09:00-15:00 and, where it has some, its days as MON TUE."""
    start, stop = (time.fromisoformat(part) for part in hours.split("-"))
    return Window(tuple(days.split()) or DAYS, start, stop, zone)


def spells(game: Game, job: int, apart: timedelta = HOUR) -> list[list[datetime]]:
    """When the job published, from when until when by the clock on the wall; a longer pause than this ends a span."""
    found: list[list[datetime]] = []
    for _, shown, _ in game.courses[job].gone:
        if found and shown - found[-1][1] <= apart:
            found[-1][1] = shown
        else:
            found.append([shown, shown])
    return found


# Moments near which clocks of these zones are changed, and others; no version of the data differs here.
STARTS = [
    moment("2019-03-30 20:10"), moment("2019-10-26 20:00"), moment("2019-04-06 22:30"), moment("2019-09-07 23:00"),
    moment("2020-02-28 12:00"), moment("2018-12-31 18:00"), moment("2019-04-06 10:00"),
]  # fmt: skip
ZONES = ["UTC", MADRID, SANTIAGO, "Asia/Kolkata", "Australia/Lord_Howe"]
RATES = [0.003, 0.02, 0.4, 3.0, 20.0]
spans_of_time = st.sampled_from([0.3, 2.0, 20.0, 700.0, 5 * 3600.0]).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, ...]:
    """None, one or two; most of them every day."""
    found = []
    for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
        start = draw(st.sampled_from([22, 23, 0, 1, 2, 3]) | st.integers(0, 23))
        length = draw(st.sampled_from([1, 2, 8, 24]))
        days = draw(st.sampled_from([DAYS, DAYS, DAYS[:5], ("SUN", "TUE")]))
        minute = draw(st.sampled_from([0, 0, 30]))
        found.append(
            Window(days, time(start, minute), time((start + length) % 24, minute), draw(st.sampled_from(ZONES)))
        )
    return tuple(found)


@st.composite
def orders(draw: st.DrawFn, start: datetime) -> Order:
    """A job that is through within a few open hours."""
    return Order(
        records=draw(st.integers(3, 30)),
        shards=draw(st.sampled_from([1, 2, 3])),
        rate=draw(st.none() | st.sampled_from(RATES)),
        windows=draw(windows()),
        stop_at=draw(st.none() | st.none() | spans_of_time.map(lambda span: start + span)),
        stop_after=draw(st.none() | st.none() | st.sampled_from([HOUR, 90 * HOUR])),
        max_backlog=draw(st.none() | st.none() | st.sampled_from([5, 12])),
        canary=draw(st.none() | st.none() | st.sampled_from([1, 7])),
    )


@st.composite
def troubles(draw: st.DrawFn) -> tuple[str, timedelta, timedelta, float | None]:
    """What somebody does, after how long, for how long, and another rate."""
    kinds = ["pause", "rate", "type rate", "hold all", "set back", "crash", "down", "stop"]
    rate = draw(st.none() | st.sampled_from(RATES))
    return draw(st.sampled_from(kinds)), draw(spans_of_time), draw(spans_of_time), rate


def prepare(game: Game, job: int, kind: str, after: timedelta, length: timedelta, rate: float | None) -> None:
    """Let somebody do this to a job, and undo it later."""

    def both(do: list[tuple[timedelta, object]]) -> None:
        for at, action in do:
            game.later(at, action)  # type: ignore[arg-type] # a function without arguments

    end = after + length
    stop = game.shown + end
    actions: dict[str, list[tuple[timedelta, object]]] = {
        "pause": [
            (after, lambda: game.change(job, "active", False, active=False)),
            (end, lambda: game.change(job, "active", True, active=True, looked_at=game.looked_at(job))),
        ],
        "rate": [(after, lambda: game.change(job, "rate", rate, rate=rate))],
        "type rate": [(after, lambda: game.set_type_rate(rate))],
        "hold all": [(after, game.hold_all), (end, game.release_all)],
        "set back": [(after, lambda: game.put_back(DAY))],
        "crash": [(after, lambda: game.crash(0)), (end, lambda: game.revive(0))],
        "down": [
            (after, lambda: game.crash(0)), (after, lambda: game.crash(1)),
            (end, lambda: game.revive(0)), (end, lambda: game.revive(1)),
        ],
        "stop": [(after, lambda: game.set_stop(job, stop))],
    }  # fmt: skip
    both(actions[kind])


@settings(FEW, max_examples=1000 if LONG else 25)
@given(data=st.data())
def test_whatever_happens_all_goes_that_may_and_nothing_else(db: Db, data: st.DataObject) -> None:
    """Random jobs of one type, edited, paused, held, with daemons that vanish and a clock that is set back."""
    start = data.draw(st.sampled_from(STARTS))
    game = Game(
        db,
        start,
        type_rate=data.draw(st.none() | st.none() | st.sampled_from(RATES)),
        consumed=data.draw(st.sampled_from([1.0, 4.0, 20.0])),
        canary=data.draw(st.sampled_from([0.5, 300.0])),
    )
    jobs = [game.add(order) for order in data.draw(st.lists(orders(start), min_size=1, max_size=2))]
    for trouble in data.draw(st.lists(troubles(), max_size=3)):
        prepare(game, data.draw(st.sampled_from(jobs)), *trouble)
    game.play(40 * DAY)


@settings(FEW, max_examples=300 if LONG else 10)
@given(data=st.data())
def test_the_plan_said_beforehand_is_the_one_that_happens(db: Db, data: st.DataObject) -> None:
    """A job with a rate and windows that nobody disturbs publishes in each interval of its plan what the plan says."""
    start = data.draw(st.sampled_from(STARTS))
    rate, records = data.draw(st.sampled_from([0.003, 0.02, 0.4])), data.draw(st.integers(3, 40))
    stop_after = data.draw(st.none() | st.sampled_from([HOUR, 30 * HOUR]))
    order = Order(records, data.draw(st.sampled_from([1, 3])), rate, data.draw(windows()), stop_after=stop_after)
    game = Game(db, start)
    job = game.add(order)
    game.play(40 * DAY)
    course, plan = game.courses[job], game.plans[job]
    grant, planned = 1 + 0.7 * rate, 0
    for number, (begins, ends, said) in enumerate(plan, 1):
        before = sum(n for _, shown, n in course.gone if shown < begins)
        until = sum(n for _, shown, n in course.gone if shown < ends)
        assert abs(before - planned) <= (number - 1) * grant, (number, plan)
        planned += said
        assert abs(until - planned) <= number * grant, (number, plan)
    assert course.published <= planned + len(plan) * grant


@pytest.mark.parametrize(
    ("start", "open_at", "opens_and_closes"),
    [
        # The hour from 02:00 on is missing on 2019-03-31, and comes twice on 2019-10-27.
        ("2019-03-30 12:00", window(MADRID, "01:00-04:00"), ["2019-03-31 00:00 - 2019-03-31 02:00",
                                                             "2019-03-31 23:00 - 2019-04-01 02:00"]),
        ("2019-03-30 12:00", window(MADRID, "02:00-03:00"), ["2019-04-01 00:00 - 2019-04-01 01:00",
                                                             "2019-04-02 00:00 - 2019-04-02 01:00"]),
        ("2019-10-26 12:00", window(MADRID, "01:00-04:00"), ["2019-10-26 23:00 - 2019-10-27 03:00",
                                                             "2019-10-28 00:00 - 2019-10-28 03:00"]),
        ("2019-10-26 12:00", window(MADRID, "02:00-03:00"), ["2019-10-27 00:00 - 2019-10-27 02:00",
                                                             "2019-10-28 01:00 - 2019-10-28 02:00"]),
        # The hour before midnight comes twice on 2019-04-06, the one after it is missing on 2019-09-08.
        ("2019-04-06 12:00", window(SANTIAGO, "22:00-01:00"), ["2019-04-07 01:00 - 2019-04-07 05:00",
                                                               "2019-04-08 02:00 - 2019-04-08 05:00"]),
        ("2019-04-06 12:00", window(SANTIAGO, "23:00-00:00"), ["2019-04-07 02:00 - 2019-04-07 04:00",
                                                               "2019-04-08 03:00 - 2019-04-08 04:00"]),
        ("2019-09-07 12:00", window(SANTIAGO, "23:00-02:00"), ["2019-09-08 03:00 - 2019-09-08 05:00",
                                                               "2019-09-09 02:00 - 2019-09-09 05:00"]),
        ("2019-09-07 12:00", window(SANTIAGO, "00:00-01:00"), ["2019-09-09 03:00 - 2019-09-09 04:00",
                                                               "2019-09-10 03:00 - 2019-09-10 04:00"]),
        # Zones that are no whole hours from UTC, and one whose clock is changed by half an hour.
        ("2019-06-30 12:00", window("Asia/Kolkata", "09:30-10:30"), ["2019-07-01 04:00 - 2019-07-01 05:00",
                                                                     "2019-07-02 04:00 - 2019-07-02 05:00"]),
        ("2019-06-30 12:00", window("Asia/Kathmandu", "23:00-01:00"), ["2019-06-30 17:15 - 2019-06-30 19:15",
                                                                       "2019-07-01 17:15 - 2019-07-01 19:15"]),
        ("2019-04-06 12:00", window("Australia/Lord_Howe", "01:00-03:00"), ["2019-04-06 14:00 - 2019-04-06 16:30",
                                                                            "2019-04-07 14:30 - 2019-04-07 16:30"]),
        # Over midnight at the ends of a month, of February in a leap year and of a year.
        ("2019-04-30 12:00", window("UTC", "23:00-01:00"), ["2019-04-30 23:00 - 2019-05-01 01:00",
                                                            "2019-05-01 23:00 - 2019-05-02 01:00"]),
        ("2020-02-28 12:00", window("UTC", "23:00-01:00"), ["2020-02-28 23:00 - 2020-02-29 01:00",
                                                            "2020-02-29 23:00 - 2020-03-01 01:00"]),
        ("2018-12-31 12:00", window("UTC", "22:00-01:00", "MON"), ["2018-12-31 22:00 - 2019-01-01 01:00",
                                                                   "2019-01-07 22:00 - 2019-01-08 01:00"]),
    ],
)  # fmt: skip
def test_records_go_out_while_the_window_is_open(
    db: Db, start: str, open_at: Window, opens_and_closes: list[str]
) -> None:
    """One record every eleven minutes, the first one when the window opens; then those that are left in the next one.
    The plan has said so."""
    apart = timedelta(minutes=11)
    (opens, closes), (again, until) = ([moment(at) for at in one.split(" - ")] for one in opens_and_closes)
    game = Game(db, moment(start))
    job = game.add(
        Order(-((opens - closes) // apart) + 3, shards=2, rate=1 / apart.total_seconds(), windows=(open_at,))
    )
    game.play(20 * DAY)
    (first, last), (second, end) = spells(game, job, 2 * apart)
    assert (opens, again) == (first, second)
    assert closes - apart <= last < closes
    assert end < until
    (one, other) = game.plans[job]
    assert (opens, closes, again) == (one[0], one[1], other[0])
    assert abs(other[1] - end) < 3 * apart


def test_a_clock_that_is_set_back_a_day_does_not_slow_a_running_job_down(db: Db) -> None:
    """What a rate has given away by the clock of before is forgotten: the job goes on at its rate."""
    game = Game(db, NOON)
    job = game.add(Order(60, shards=2, rate=2))
    game.later(timedelta(seconds=10), lambda: game.put_back(DAY))
    game.play(timedelta(minutes=1))
    assert game.courses[job].published == 60


def test_a_clock_that_is_set_back_a_day_makes_a_parked_job_wait_a_day_longer_at_most(db: Db) -> None:
    """It goes on at the moment for which it was parked."""
    game = Game(db, NOON)
    job = game.add(Order(7, rate=1 / 60, windows=(window("UTC", "14:00-15:00"),)))
    game.later(HOUR, lambda: game.put_back(DAY))
    game.play(3 * DAY)
    assert [NOON + 2 * HOUR] == [begin for begin, _ in spells(game, job)]


def all_down(game: Game, hours: int) -> None:
    """Both daemons vanish now, for so long."""
    for number in (0, 1):
        game.crash(number)
        game.later(hours * HOUR, partial(game.revive, number))


def test_a_job_that_is_due_while_the_daemons_are_down_for_five_hours_runs_then(db: Db) -> None:
    """It begins when a daemon is there again, and sends everything."""
    game = Game(db, NOON)
    all_down(game, 6)
    job = game.add(Order(7), run_at=NOON + HOUR)
    game.play(DAY)
    assert [[NOON + 6 * HOUR] * 2] == spells(game, job)


def test_a_job_that_is_due_while_the_daemons_are_down_for_seven_hours_waits_for_a_start(db: Db) -> None:
    """It says so, publishes nothing, and runs when somebody starts it."""
    game = Game(db, NOON)
    all_down(game, 8)
    job = game.add(Order(7), run_at=NOON + HOUR)
    said: list[str] = []
    game.later(8 * HOUR, lambda: game.courses[job].become(game.now, active=False))
    game.later(9 * HOUR, lambda: said.append(db.value("select pgjobs.why(%s)", job)))
    game.later(9 * HOUR, lambda: game.start_job(job))
    game.play(DAY)
    remedy = f'to run it all the same, run "pgjobs start {job}"'
    assert [f"it did not begin at its time, and now it is 7 h late; {remedy}"] == said
    assert [[NOON + 9 * HOUR] * 2] == spells(game, job)


def test_a_job_in_progress_goes_on_when_the_daemons_were_down_for_seven_hours(db: Db) -> None:
    """What has begun is not late: as soon as a daemon is there again the rest goes, at the rate of the job."""
    game = Game(db, NOON)
    job = game.add(Order(30, shards=3, rate=1 / 60))
    down_at = timedelta(seconds=610)
    game.later(down_at, lambda: all_down(game, 7))
    game.play(DAY)
    (_, last), (second, end) = spells(game, job)
    assert last < NOON + down_at
    assert NOON + down_at + 7 * HOUR == second
    assert end - second < 20 * timedelta(minutes=1)


@pytest.mark.parametrize(
    "order",
    [
        Order(9, rate=0.001, stop_after=timedelta(seconds=30)),
        Order(9, shards=3, windows=(window("UTC", "20:00-21:00"),), stop_after=timedelta(seconds=30)),
        Order(9, shards=2, canary=4, stop_after=timedelta(seconds=30)),
        Order(9, max_backlog=1, stop_after=timedelta(seconds=30)),
    ],
    ids=["the next record is due", "its window opens", "somebody looks at its canary", "its queue is shorter"],
)
def test_a_job_is_closed_at_its_stop_whatever_it_waits_for(db: Db, order: Order) -> None:
    """A stop that comes before what the job waits for ends it at this moment."""
    game = Game(db, NOON, consumed=0.01, canary=3600)
    job = game.add(order)
    game.play(DAY)
    ended = game.courses[job].ended
    assert ended is not None
    assert timedelta(seconds=30) <= ended - NOON <= timedelta(seconds=32)
    assert game.courses[job].timed_out


def test_a_job_that_has_published_nothing_has_the_next_turn(db: Db) -> None:
    """However long ago another job of its type published, and however short the time since its own run began."""
    game = Game(db, NOON)
    first, second = (game.add(Order(3)) for _ in range(2))
    published = (
        "update pgjobs.shards set considered = 1, sent = 1, updated_at = now() - interval '1 hour' where job_id = %s"
    )
    db.execute(published, (first,))
    db.execute("update pgjobs.shards set updated_at = now() where job_id = %s", (second,))
    assert timedelta(0) < db.value("select pgjobs.turn_delay(%s, 0.02)", first)
    assert timedelta(0) == db.value("select pgjobs.turn_delay(%s, 0.02)", second)


def test_jobs_take_turns_at_the_slow_rate_of_their_type(db: Db) -> None:
    """Of three jobs that share one record in 50 seconds none goes twice before each has gone once."""
    game = Game(db, NOON, type_rate=0.02)
    jobs = [game.add(Order(3)) for _ in range(3)]
    game.play(HOUR)
    gone = sorted((at, job) for job in jobs for at, _, _ in game.courses[job].gone)
    assert sorted(jobs) == sorted(job for _, job in gone[:3]) == sorted(job for _, job in gone[3:6])
