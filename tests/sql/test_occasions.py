"""Which moments are the occasions of a recurring task: those of its pattern or its period, by the clock of its zone."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fix_jobs import Db
from fix_tasks import KOLKATA, MADRID, SANTIAGO, at, insert_task, occasions, set_clock


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
