"""Plan and eta: when a job would run, and until when, by its windows, its rate and its stop."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_jobs import Db, claim, insert_job

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = '{"window": {"start": "20:00", "stop": "22:00"}}'


def clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def started(db: Db, records: int, **columns: object) -> int:
    """A job in progress that is expected to have so many records."""
    job = insert_job(db, run_at=MONDAY, **columns)
    claim(db, job)
    db.execute("update pgjobs.shards set estimate = %s, prepared_at = now() where job_id = %s", (records, job))
    return job


def plan(db: Db, job: int) -> list[tuple[Any, ...]]:
    """The intervals in hours from Monday noon, with their records and why they end."""
    rows = db.execute("select begins, ends, records, why_it_ends from pgjobs.plan(%s)", (job,)).fetchall()
    return [
        ((b - MONDAY) / timedelta(hours=1), e and (e - MONDAY) / timedelta(hours=1), n, why) for b, e, n, why in rows
    ]


def test_a_rate_says_when_the_job_is_through(db: Db) -> None:
    """Records divided by rate, from now on; a job that waits for its run_at begins then, and of it nothing is known."""
    clock(db, MONDAY)
    job = started(db, 36_000, rate=5)
    assert plan(db, job) == [(0, 2, 36_000, "all its records are through")]
    assert db.value("select pgjobs.eta(%s)", job) == MONDAY + timedelta(hours=2)
    assert db.value("select pgjobs.eta(%s)", job) == MONDAY + timedelta(hours=2)
    later = insert_job(db, run_at=MONDAY + timedelta(hours=3), rate=5)
    assert [row[0] for row in plan(db, later)] == [3]
    assert db.value("select pgjobs.eta(%s)", later) is None


def test_windows_are_counted(db: Db) -> None:
    """A job that needs five hours and may run for two each night is through in the third night."""
    clock(db, MONDAY)
    job = started(db, 90_000, rate=5, schedule=NIGHT)
    assert plan(db, job) == [
        (8, 10, 36_000, "its window closes"),
        (32, 34, 36_000, "its window closes"),
        (56, 57, 18_000, "all its records are through"),
    ]
    assert db.value("select pgjobs.eta(%s)", job) == MONDAY + timedelta(hours=57)


def test_the_stop_ends_the_plan(db: Db) -> None:
    """A job that would need longer than until its stop is through at its stop, for the rest of it is closed then."""
    clock(db, MONDAY)
    job = started(db, 90_000, rate=5, schedule=NIGHT, stop_at=MONDAY + timedelta(hours=33))
    assert plan(db, job) == [(8, 10, 36_000, "its window closes"), (32, 33, 18_000, "its stop")]
    assert db.value("select pgjobs.eta(%s)", job) == MONDAY + timedelta(hours=33)


def test_the_stop_is_the_end_however_far_it_is(db: Db) -> None:
    """A job whose stop lies behind a hundred windows, in closed hours, is through then at the latest; its plan is
    not told so far."""
    clock(db, MONDAY)
    stop = MONDAY + timedelta(days=150)
    job = started(db, 90_000, schedule=NIGHT, stop_at=stop)
    assert 100 == len(plan(db, job))
    assert db.value("select pgjobs.eta(%s)", job) == stop
    assert db.value("select pgjobs.eta(%s)", job) == stop


def checkpoints(db: Db, job: int, *published: tuple[int, int]) -> None:
    """So many seconds ago so many records were published; nothing else has happened to the job for long."""
    db.execute("update pgjobs.events set at = '2000-01-01'")
    # So many seconds ago by one and the same clock: between two of them lies what their numbers say.
    with db.transaction():
        for number, (seconds, n) in enumerate(published, 1):
            db.execute(
                "insert into pgjobs.checkpoints values"
                " (%s, 0, %s, 1, now() - interval '1 s' * %s, 1, %s, 0, 0, 0, '', '')",
                (job, number, seconds, n),
            )


def test_consumers_say_how_fast_a_backlog_goes(db: Db) -> None:
    """A job that waits for its queue is as fast as it could publish once the queue was full; before, nobody knows."""
    clock(db, MONDAY)
    job = started(db, 36_000, max_backlog=1000)
    checkpoints(db, job, (2100, 600), (2000, 400))
    assert plan(db, job) == [(0, None, None, None)]
    assert db.value("select pgjobs.eta(%s)", job) is None
    db.execute("delete from pgjobs.checkpoints")
    checkpoints(db, job, (2100, 600), (2000, 400), (1500, 4000), (100, 6000))
    ((begins, ends, records, why),) = plan(db, job)
    assert (0, 36_000, "all its records are through") == (begins, records, why)
    assert ends == pytest.approx(2, rel=0.02)
    db.execute("select pgjobs.park_shard(%s, 0, 1, true, '1 s', 'the queue is full')", (job,))
    assert (db.value("select pgjobs.eta(%s)", job) - MONDAY) / timedelta(hours=1) == pytest.approx(2, rel=0.02)
    db.execute("update pgjobs.events set at = clock_timestamp() where job_id = %s", (job,))
    assert db.value("select pgjobs.eta(%s)", job) is None


def test_a_rate_is_no_date_while_the_queue_is_full(db: Db) -> None:
    """A job with a max_backlog that has published nothing for long, to consumers nobody knows, has no eta."""
    clock(db, MONDAY)
    job = started(db, 36_000, rate=20, max_backlog=100)
    assert db.value("select pgjobs.eta(%s)", job) is not None
    checkpoints(db, job, (5, 54))
    assert db.value("select pgjobs.eta(%s)", job) is not None
    db.execute("delete from pgjobs.checkpoints")
    checkpoints(db, job, (15, 54))
    assert db.value("select pgjobs.eta(%s)", job) is None


@pytest.mark.parametrize("when", ["its window is closed", "its rate is lower", "its stop comes first"])
def test_a_backlog_is_one_limit_of_several(db: Db, when: str) -> None:
    """The lowest speed counts; of closed hours the speed is that of the hour before them; a stop is the end."""
    limits: dict[str, dict[str, Any]] = {
        "its window is closed": {"schedule": NIGHT},
        "its rate is lower": {"rate": 2.5},
        "its stop comes first": {"stop_at": MONDAY + timedelta(hours=1)},
    }
    clock(db, MONDAY)
    job = started(db, 36_000, max_backlog=1000, **limits[when])
    night = 40_000 if when == "its window is closed" else 0
    checkpoints(db, job, (night + 2000, 1000), (night + 1000, 5000), (night, 5000))
    ends = plan(db, job)[-1][1]
    assert ends == pytest.approx({"its window is closed": 10, "its rate is lower": 4, "its stop comes first": 1}[when])


@pytest.mark.parametrize(
    "hold",
    [
        "update xmp_jobs set active = false",
        "select pgjobs.hold_all('a look')",
        "update xmp_jobs set status = 'canceled'",
    ],
)
def test_what_is_held_has_no_date(db: Db, hold: str) -> None:
    """A job that is paused, stopped, or held with all others has no plan and no eta."""
    clock(db, MONDAY)
    job = started(db, 36_000, rate=5)
    db.execute(hold.encode())
    assert plan(db, job) == []
    assert db.value("select pgjobs.eta(%s)", job) is None
    assert db.value("select eta from pgjobs.job_status where id = %s", job) is None


def test_jobs_of_a_type_share_its_rate(db: Db) -> None:
    """Two running jobs of a type with a rate of 10 have 5 each in their plans."""
    clock(db, MONDAY)
    db.execute("update xmp_job_types set rate = 10 where name = 'expired'")
    jobs = [started(db, 36_000, rate=7) for _ in range(2)]
    assert [plan(db, job)[0][1] for job in jobs] == [2, 2]


def test_a_stop_while_the_window_is_closed_ends_the_plan(db: Db) -> None:
    """What is left is closed at the stop, also if no window is open then or before: an interval without length."""
    clock(db, MONDAY)
    job = started(db, 90_000, rate=5, schedule=NIGHT, stop_at=MONDAY + timedelta(hours=12))
    assert plan(db, job) == [(8, 10, 36_000, "its window closes"), (12, 12, 0, "its stop")]
    never = started(db, 90_000, rate=5, schedule=NIGHT, stop_at=MONDAY + timedelta(hours=3))
    assert plan(db, never) == [(3, 3, 0, "its stop")]
    clock(db, MONDAY + timedelta(hours=4))
    assert plan(db, never) == [(4, 4, 0, "its stop")]
    assert db.value("select pgjobs.eta(%s)", never) == MONDAY + timedelta(hours=4)


def test_a_canary_ends_the_plan(db: Db) -> None:
    """A job is planned up to its canary, and nobody knows when it goes on; once somebody has looked, to its end."""
    clock(db, MONDAY)
    job = started(db, 72_000, rate=5, schedule=NIGHT, budget='{"canary": {"first": 45000}}')
    canary = "its canary is through, and it is held for a look"
    assert plan(db, job) == [(8, 10, 36_000, "its window closes"), (32, 32.5, 9_000, canary)]
    assert db.value("select pgjobs.eta(%s)", job) is None
    db.execute("select pgjobs.hold_job(%s, 'canary', 'a look'), pgjobs.resume_job(%s)", (job, job))
    assert [row[3] for row in plan(db, job)] == ["its window closes", "all its records are through"]
    unlimited = started(db, 72_000, budget='{"canary": {"first": 3}}')
    assert plan(db, unlimited) == [(0, None, 3, canary)], "nobody knows how fast it is"


def test_nothing_limits_a_dry_run(db: Db) -> None:
    """A dry run publishes nothing: its plan has neither its rate nor its window, its canary or its stop."""
    clock(db, MONDAY)
    stop = MONDAY + timedelta(hours=1)
    limits = {"rate": 5, "schedule": NIGHT, "budget": '{"canary": {"first": 5}}', "stop_at": stop}
    job = started(db, 36_000, params={"dry_run": True}, **limits)
    assert plan(db, job) == [(0, None, None, None)]


WHOLE = """
select greatest(lower(s.span), %(begin)s), nullif(least(upper(s.span), %(stop)s), 'infinity')
from (
  select unnest(range_agg(tstzrange(w.opens, w.closes))) as span
  from unnest(%(zones)s::text[]) z (zone)
  cross join lateral pgjobs.window_spans(%(schedule)s::jsonb -> 'window', %(begin)s, %(end)s, z.zone) w) s
order by 1 limit 100
"""
"""The intervals of a job that ends nowhere, out of one look at 400 days."""
YEAR = timedelta(days=400)
FAR = ["Pacific/Kiritimati", "America/New_York", "Asia/Kathmandu", "Pacific/Pago_Pago"]


@pytest.mark.parametrize("hour", [0, 7, 12, 21])
@pytest.mark.parametrize("stop", [None, MONDAY + timedelta(days=4, hours=9), MONDAY + timedelta(days=30)])
@pytest.mark.parametrize(
    ("window", "zones"),
    [
        ('{"start": "20:00", "stop": "22:00"}', [None]),
        ('[{"start": "22:00", "stop": "04:00"}, {"start": "10:00", "stop": "12:00", "days": ["WED", "SUN"]}]', [None]),
        ('{"start": "00:00", "stop": "00:00", "days": ["MON", "TUE", "FRI"]}', [None]),
        ('{"start": "00:00", "stop": "00:00"}', [None]),
        ('{"start": "02:00", "stop": "03:00", "zone": "Europe/Madrid", "days": ["SUN"]}', [None]),
        ('{"start": "09:00", "stop": "15:00"}', FAR),
        ('{"start": "23:00", "stop": "22:00"}', FAR),
        ('{"start": "00:00", "stop": "00:00", "days": ["SAT"]}', FAR),
    ],
)
def test_a_plan_is_the_same_however_far_it_looks(
    db: Db, window: str, zones: list[str | None], stop: datetime | None, hour: int
) -> None:
    """A plan looks ahead piece by piece; where the pieces meet, spans that touch or overlap are one all the same."""
    begin = MONDAY + timedelta(hours=hour - 12, minutes=30)
    clock(db, begin)
    schedule = f'{{"window": {window}}}'
    job = insert_job(db, run_at=begin, schedule=schedule, stop_at=stop)
    claim(db, job)
    db.execute("update pgjobs.shards set prepared_at = now(), estimate = 10, zone = %s", (zones[0],))
    for number, zone in enumerate(zones[1:], 1):
        db.execute(
            "insert into pgjobs.shards (job_id, shard, attempt, prepared_at, zone) values (%s, %s, 1, now(), %s)",
            (job, number, zone),
        )
    planned = db.execute("select begins, ends from pgjobs.plan(%s) where begins < ends or ends is null", (job,))
    end = min(stop or begin + YEAR, begin + YEAR)
    asked = {"begin": begin, "end": end, "stop": stop, "zones": zones, "schedule": schedule}
    assert db.execute(WHOLE.encode(), asked).fetchall() == planned.fetchall()


def test_a_plan_that_ends_soon_looks_ahead_no_further(db: Db) -> None:
    """What a plan costs depends on when the job is through, not on the 400 days that it might take."""
    clock(db, MONDAY)
    job = started(db, 36_000, rate=5, schedule=NIGHT)
    db.execute("set track_functions = 'all'")
    assert 1 == len(plan(db, job))
    assert db.value("select calls from pg_stat_xact_user_functions where funcname = 'window_at'") < 20
