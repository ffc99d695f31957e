"""Scattering: a job publishes evenly over a part of its time, and nothing is lost by it."""

import json
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pytest
from fix_daemon import Engine
from fix_jobs import Db, claim, insert_job, prepare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE_TO_TWO = {"start": "13:00", "stop": "14:00"}


def clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def scattered(db: Db, records: int, spread: float, length: timedelta, **more: Any) -> tuple[int, int]:
    """A job and the epoch of its first shard: it has begun at noon, with so many records and so much time."""
    columns = {key: more.pop(key) for key in ("shards", "rate", "params") if key in more}
    schedule = {"scattering": {"max_spread": spread, "factor": 0} | more.pop("scattering", {})} | more
    clock(db, NOON)
    db.execute("truncate xmp_retries_expired")
    insert = "insert into xmp_retries_expired (id, msisdn) select n, n::text from generate_series(1, %s) n"
    db.execute(insert.encode(), (records,))
    job = insert_job(db, run_at=NOON, stop_at=NOON + length, schedule=json.dumps(schedule), **columns)
    claimed = claim(db, job)
    prepare(db, claimed)
    return job, claimed["epoch"]


def ask(db: Db, job: int, epoch: int, wanted: int = 1000, shard: int = 0) -> tuple[str, timedelta | None, int]:
    """The verdict, for how long nothing goes, and how many may be published."""
    call = "select verdict, coalesce(pause, delay), at_most from pgjobs.grant_records(%s, %s, %s, %s)"
    verdict, wait, number = db.row(call, job, shard, epoch, wanted)
    return verdict, wait or None, number


def publish(db: Db, job: int, number: int) -> None:
    """Account for so many records, as a checkpoint does."""
    statement = "update pgjobs.shards set considered = %s, sent = %s, granted = 0 where job_id = %s and shard = 0"
    db.execute(statement, (number, number, job))


def test_a_part_of_the_time_a_part_of_the_records(db: Db) -> None:
    """A hundred records over half of 200 minutes: one a minute; who is ahead is parked until the next is due, and
    behind the spread nothing is held back."""
    job, epoch = scattered(db, 100, 50, 200 * MINUTE)
    clock(db, NOON + timedelta(seconds=1))
    assert ask(db, job, epoch) == ("go", None, 1)
    publish(db, job, 1)
    assert ask(db, job, epoch) == ("wait", timedelta(seconds=59, milliseconds=1), 0)
    clock(db, NOON + 30 * MINUTE)
    assert ask(db, job, epoch) == ("go", None, 29)
    clock(db, NOON + 100 * MINUTE)
    assert ask(db, job, epoch) == ("go", None, 1000)


def test_only_open_hours_count(db: Db) -> None:
    """With a window of an hour a day, half of three days is over in the middle of the second window."""
    job, epoch = scattered(db, 90, 50, timedelta(days=3), window=ONE_TO_TWO)
    assert ask(db, job, epoch) == ("wait", 60 * MINUTE, 0)
    for days, minutes, due in ((0, 90, 30), (1, 70, 70)):
        clock(db, NOON + timedelta(days=days) + minutes * MINUTE)
        assert ask(db, job, epoch) == ("go", None, due)
    clock(db, NOON + timedelta(days=1) + 90 * MINUTE)
    assert ask(db, job, epoch) == ("go", None, 1000)


def test_what_was_granted_to_others_counts(db: Db) -> None:
    """Two shards of a job share what is due."""
    job, epoch = scattered(db, 100, 50, 200 * MINUTE, shards=2)
    other = claim(db, job)
    clock(db, NOON + 30 * MINUTE)
    assert ask(db, job, epoch, 10) == ("go", None, 10)
    assert ask(db, job, other["epoch"], shard=1) == ("go", None, 20)


def test_what_nobody_counted_is_not_held_back(db: Db) -> None:
    """Once more records came than there were when the job was prepared, the rest goes at once: no stop cuts it off."""
    job, epoch = scattered(db, 100, 100, 200 * MINUTE)
    clock(db, NOON + 10 * MINUTE)
    publish(db, job, 100)
    assert ask(db, job, epoch) == ("go", None, 1000)


@pytest.mark.parametrize("params", [{}, {"offset": 10}])
def test_the_records_are_counted(db: Db, params: dict[str, Any]) -> None:
    """A scattered job knows how many records it has, and does not guess as others do."""
    job, _ = scattered(db, 5000, 50, 200 * MINUTE, params=params)
    assert db.value("select estimate from pgjobs.shards where job_id = %s", job) == 5000 - params.get("offset", 0)


def test_a_spread_that_is_too_fast_is_remarked_once(db: Db) -> None:
    """An event of the job says once that more records per second are needed than its warning_max_rate."""
    for most, remarks in ((10, 0), (9.5, 1)):
        job, epoch = scattered(db, 6000, 50, 20 * MINUTE, scattering={"warning_max_rate": most})
        for seconds in (1, 2):
            clock(db, NOON + timedelta(seconds=seconds))
            assert ask(db, job, epoch)[2] >= 10
        said = db.column("select reason from pgjobs.events where job_id = %s and reason like 'its sc%%'", job)
        assert said == ["its scattering needs 10 records per second, and its warning_max_rate is 9.5"] * remarks
        db.execute("update xmp_jobs set status = 'canceled'")


def test_the_plan_ends_with_the_spread(db: Db) -> None:
    """Plan and eta say when the spread ends, and how fast it goes until then; a rate that is slower makes it later."""
    job, _ = scattered(db, 90, 50, timedelta(days=3), window=ONE_TO_TWO)
    db.execute("update pgjobs.shards set first_key = null, end_key = null")
    call = "select begins, ends, records_per_second::float, records, why_it_ends from pgjobs.plan(%s) order by begins"
    begins = [NOON + timedelta(days=day, hours=1) for day in range(2)]
    assert db.execute(call.encode(), (job,)).fetchall() == [
        (begins[0], begins[0] + 60 * MINUTE, pytest.approx(1 / 60, abs=1e-3), 60, "its window closes"),
        (begins[1], begins[1] + 30 * MINUTE, pytest.approx(1 / 60, abs=1e-3), 30, "all its records are through"),
    ]
    assert db.value("select pgjobs.eta(%s)", job) == begins[1] + 30 * MINUTE
    db.execute("update xmp_jobs set rate = 0.0125")
    assert db.value("select pgjobs.eta(%s)", job) == begins[1] + 60 * MINUTE
    schedule = json.dumps({"scattering": {"max_spread": 50, "factor": 0}, "stop_after": "2 hours"})
    later = insert_job(db, run_at=NOON + timedelta(hours=3), schedule=schedule)
    assert db.value("select pgjobs.eta(%s)", later) == NOON + timedelta(hours=4)


def test_a_factor_without_effect_is_told(db: Db) -> None:
    """The events say once for each change that a factor has no effect, and nothing of a factor of 0."""
    columns = {"run_at": NOON, "stop_at": NOON + timedelta(days=36500), "params": '{"never": 1}'}
    told = (
        "select count(*) from pgjobs.events where job_id = %s and starts_with(reason, 'schedule.scattering.factor: ')"
    )
    for factor, times in ((0, 0), (75, 1)):
        schedule = json.dumps({"scattering": {"max_spread": 50, "factor": factor}})
        job = insert_job(db, schedule=schedule, **columns)
        db.execute("update xmp_jobs set priority = 7, params = '{\"never\": 0}' where id = %s", (job,))
        assert times == db.value(told, job)
        db.execute(
            "update xmp_jobs set schedule = jsonb_set(schedule, '{scattering,factor}', '5') where id = %s", (job,)
        )
        assert times + 1 == db.value(told, job)


@pytest.mark.parametrize("table", ["xmp_jobs", "xmp_job_types"])
def test_a_scattered_job_needs_an_end(db: Db, table: str) -> None:
    """Without a stop there is no time to spread over; a type has to say stop_after."""
    schedule = {"scattering": {"max_spread": 50, "factor": 0}}
    statement = {
        "xmp_jobs": "insert into xmp_jobs (type, schedule) values ('expired', %s)",
        "xmp_job_types": "update xmp_job_types set schedule = %s where name = 'expired'",
    }[table]
    said = db.refusal(statement, json.dumps(schedule))
    assert ("schedule.scattering", table) == (said.column_name, said.table_name)
    assert "give" in (said.message_hint or "")
    db.execute(statement.encode(), (json.dumps(schedule | {"stop_after": "1 hour"}),))


def test_every_record_goes_in_its_time(db: Db) -> None:
    """Whatever time, spread and number of records, and whoever asks how often: at no moment has a greater part of the
    records gone than of the time, and when the spread ends all are due."""

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(
        records=st.integers(1, 60),
        spread=st.sampled_from([0, 1, 33.3, 80, 100]),
        length=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
        steps=st.lists(st.floats(0, 1), max_size=8),
    )
    def holds(records: int, spread: float, length: timedelta, steps: list[float]) -> None:
        job, epoch = scattered(db, records, spread, length)
        effective = min(length * spread / 100, length - min(timedelta(seconds=30), length / 20))
        done = 0
        for step in sorted(steps):
            over = step * effective
            clock(db, NOON + over)
            while done < records:
                verdict, wait, number = ask(db, job, epoch, records - done)
                if not number:
                    assert verdict in ("go", "wait")
                    assert wait is not None
                    assert timedelta(0) < wait <= effective - over + timedelta(milliseconds=2)
                    break
                done += number
                publish(db, job, done)
                assert done <= ceil(records * over / effective + 1e-4) if effective else done == records
        clock(db, NOON + effective + timedelta(milliseconds=1))
        assert ask(db, job, epoch, 10**6) == ("go", None, 10**6)
        db.execute("update pgjobs.shards set owner = null, lease_until = null")
        db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))

    holds()


AHEAD = """
select count(*) from (
  select sum(c.sent) over (order by c.at) as sent, extract(epoch from c.at - p.started_at) as seconds
  from pgjobs.checkpoints c join pgjobs.shards p on p.job_id = c.job_id and p.shard = 0
  where c.job_id = %s) s
where s.sent > ceil(40 * least(1, s.seconds / 3))
"""


@pytest.mark.parametrize("shards", [1, 3])
def test_a_job_is_scattered_over_all_its_daemons(engine: Engine, shards: int) -> None:
    """Forty records over three seconds, by two daemons: never are more sent than their part of the time, and all are,
    each once."""
    engine.add_retries(40)
    job = engine.value(
        "insert into xmp_jobs (type, shards, schedule) values ('expired', %s, %s) returning id",
        shards,
        '{"scattering": {"max_spread": 5, "factor": 0}, "stop_after": "1 min"}',
    )
    for _ in range(2):
        engine.start()
    engine.wait_status(job, "done")
    assert engine.value(AHEAD, job) == 0
    assert engine.value("select count(*) from pgjobs.checkpoints where job_id = %s", job) > 3
    assert sorted(message.key for message in engine.drain()) == list(range(1, 41))
