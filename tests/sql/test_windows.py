"""When the windows of a schedule are open: every rule of sql/README.md in cases, and random windows against a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect
from hypothesis import given, settings
from hypothesis import strategies as st
from model_windows import DAYS, Window, changes

from pgjobs.lab.services import Services

README = Path(__file__).parents[2] / "sql" / "README.md"
HORIZON = timedelta(days=400)
FAR = datetime(9999, 12, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def calendar(services: Services, template_database: str) -> Iterator[Db]:
    """A connection to a database that these tests share; what a test adds to the holidays has a calendar of its own."""
    with shared_database(services, template_database, "windows") as url, connect(url) as connection:
        connection.execute(
            "insert into pgjobs.holidays (calendar, day) values ('es', '2026-10-12'), ('es', '2026-12-24'),"
            " ('es', '2026-12-25'), ('late', '2026-12-24'), ('other', '2026-10-13')"
        )
        yield connection


def moment(text: str) -> datetime:
    """A moment in UTC, written as 2026-10-25 01:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(zone: str, hours: str, days: str = "", **more: str) -> dict[str, Any]:
    """A window: its zone, its hours as 09:00-15:00 and, where it has some, its days as MON TUE."""
    start, stop = hours.split("-")
    return {"zone": zone, "start": start, "stop": stop, **({"days": days.split()} if days else {}), **more}


def window_at(db: Db, windows: Any, at: datetime | str, zone: str | None = None) -> tuple[bool, datetime | None]:
    open_, until = db.row("select * from pgjobs.window_at(%s::jsonb, %s, %s)", json.dumps(windows), at, zone)
    return open_, until


def spans(db: Db, windows: Any, start: datetime | str, end: datetime | str, zone: str | None = None) -> list[str]:
    """The spans as text in UTC, to the minute."""
    return db.column(
        "select left((opens at time zone 'UTC')::text, 16) || ' - ' || left((closes at time zone 'UTC')::text, 16)"
        " from pgjobs.window_spans(%s::jsonb, %s, %s, %s)",
        json.dumps(windows), start, end, zone,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "local", "first", "last"),
    [
        ("UTC", "2026-07-01 09:00", "2026-07-01 09:00", "2026-07-01 09:00"),
        ("Europe/Madrid", "2026-01-01 09:00", "2026-01-01 08:00", "2026-01-01 08:00"),
        ("Asia/Kolkata", "2026-01-01 09:00", "2026-01-01 03:30", "2026-01-01 03:30"),
        ("Asia/Kathmandu", "2026-01-01 09:00", "2026-01-01 03:15", "2026-01-01 03:15"),
        ("+02:00", "2026-01-01 09:00", "2026-01-01 07:00", "2026-01-01 07:00"),
        ("-0330", "2026-01-01 09:00", "2026-01-01 12:30", "2026-01-01 12:30"),
        # Forward: what is missing is the first moment after the gap, its first and its last minute alike.
        ("Europe/Madrid", "2026-03-29 01:59", "2026-03-29 00:59", "2026-03-29 00:59"),
        ("Europe/Madrid", "2026-03-29 02:00", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("Europe/Madrid", "2026-03-29 02:59", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("Europe/Madrid", "2026-03-29 03:00", "2026-03-29 01:00", "2026-03-29 01:00"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00", "2026-09-06 04:00"),
        ("America/Santiago", "2026-09-06 00:30", "2026-09-06 04:00", "2026-09-06 04:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30", "2026-10-03 15:30"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00", "2011-12-30 10:00"),
        # Back: what comes twice is the first or the last of both.
        ("Europe/Madrid", "2026-10-25 01:59", "2026-10-24 23:59", "2026-10-24 23:59"),
        ("Europe/Madrid", "2026-10-25 02:00", "2026-10-25 00:00", "2026-10-25 01:00"),
        ("Europe/Madrid", "2026-10-25 02:59", "2026-10-25 00:59", "2026-10-25 01:59"),
        ("Europe/Madrid", "2026-10-25 03:00", "2026-10-25 02:00", "2026-10-25 02:00"),
        ("America/Santiago", "2026-04-04 23:00", "2026-04-05 02:00", "2026-04-05 03:00"),
        ("America/Santiago", "2026-04-05 00:00", "2026-04-05 04:00", "2026-04-05 04:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", "2026-04-04 15:15"),
        # Years for which no zone has a table any more.
        ("Europe/Madrid", "2500-07-01 09:00", "2500-07-01 07:00", "2500-07-01 07:00"),
    ],
)
def test_a_local_time_is_found(calendar: Db, zone: str, local: str, first: str, last: str) -> None:
    """A local time is the moment at which the clock of its zone shows it: the first or the last where it comes twice,
    the end of the gap where it is missing."""
    found = "select pgjobs.instant(%s, %s, false), pgjobs.instant(%s, %s, true)"
    assert (moment(first), moment(last)) == calendar.row(found, local, zone, local, zone)


def test_every_zone_finds_what_its_clock_shows(calendar: Db) -> None:
    """In every zone of the server, moments of three years are found again by what its clock shows: as the first or
    as the last moment that shows this."""
    wrong = calendar.column(
        "select z.name from pg_timezone_names z, generate_series("
        "  timestamptz '2023-01-01 UTC', timestamptz '2026-01-01 UTC', interval '27 days 5 hours') t,"
        " lateral (select t at time zone z.name as local) l,"
        " lateral (select pgjobs.instant(local, z.name, false) as first, pgjobs.instant(local, z.name, true) as last) i"
        " where pgjobs.is_zone(z.name) and not (i.first <= t and t <= i.last and t in (i.first, i.last)"
        "  and i.first at time zone z.name = l.local and i.last at time zone z.name = l.local)"
    )
    assert [] == wrong


MADRID, SANTIAGO, LORD_HOWE = "Europe/Madrid", "America/Santiago", "Australia/Lord_Howe"
SPANS: list[tuple[str, Any, str, str, list[str]]] = [
    # what, windows, from, to, spans
    (
        "every day",
        window(MADRID, "09:00-15:00"),
        "2026-07-01",
        "2026-07-03",
        ["2026-07-01 07:00 - 2026-07-01 13:00", "2026-07-02 07:00 - 2026-07-02 13:00"],
    ),
    (
        "on its days",
        window("UTC", "09:00-10:00", "MON WED"),
        "2026-07-01",
        "2026-07-09",
        [
            "2026-07-01 09:00 - 2026-07-01 10:00",
            "2026-07-06 09:00 - 2026-07-06 10:00",
            "2026-07-08 09:00 - 2026-07-08 10:00",
        ],
    ),
    (
        "an offset at the times",
        {"start": "09:00:00+02:00", "stop": "15:00:00+02:00"},
        "2026-01-01",
        "2026-01-02",
        ["2026-01-01 07:00 - 2026-01-01 13:00"],
    ),
    (
        "Z at the times",
        {"start": "09:30:00Z", "stop": "15:30Z"},
        "2026-01-01",
        "2026-01-02",
        ["2026-01-01 09:30 - 2026-01-01 15:30"],
    ),
    (
        "neither zone nor offset: UTC",
        {"start": "09:00", "stop": "10:00"},
        "2026-01-01",
        "2026-01-02",
        ["2026-01-01 09:00 - 2026-01-01 10:00"],
    ),
    ("half-hour zone", window("Asia/Kolkata", "09:00-15:00"), "2026-01-01 04:00", "2026-01-01 05:00",
     ["2026-01-01 03:30 - 2026-01-01 09:30"]),
    ("quarter-hour zone", window("Asia/Kathmandu", "09:00-15:00"), "2026-01-01 04:00", "2026-01-01 05:00",
     ["2026-01-01 03:15 - 2026-01-01 09:15"]),
    ("Madrid forward, around the gap", window(MADRID, "00:00-06:00"), "2026-03-29", "2026-03-29 12:00",
     ["2026-03-28 23:00 - 2026-03-29 04:00"]),
    ("Madrid forward, opens in the gap", window(MADRID, "02:00-05:00", "SUN"), "2026-03-28", "2026-03-30",
     ["2026-03-29 01:00 - 2026-03-29 03:00"]),
    ("Madrid forward, closes in the gap", window(MADRID, "00:30-02:30", "SUN"), "2026-03-28", "2026-03-30",
     ["2026-03-28 23:30 - 2026-03-29 01:00"]),
    ("Madrid forward, within the gap: none", window(MADRID, "02:00-03:00", "SUN"), "2026-03-28", "2026-03-30", []),
    ("Madrid forward, over midnight into it", window(MADRID, "22:00-03:00", "SAT"), "2026-03-28", "2026-03-30",
     ["2026-03-28 21:00 - 2026-03-29 01:00"]),
    ("Madrid forward, over midnight out of it", window(MADRID, "22:00-03:00", "SUN"), "2026-03-28", "2026-03-30",
     ["2026-03-29 20:00 - 2026-03-30 01:00"]),
    ("Madrid back, around the hour that comes twice", window(MADRID, "00:00-06:00", "SUN"), "2026-10-24", "2026-10-26",
     ["2026-10-24 22:00 - 2026-10-25 05:00"]),
    ("Madrid back, the hour itself: open once, for two hours", window(MADRID, "02:00-03:00", "SUN"),
     "2026-10-24", "2026-10-26", ["2026-10-25 00:00 - 2026-10-25 02:00"]),
    ("Madrid back, closes at a time that comes twice", window(MADRID, "00:30-02:30", "SUN"), "2026-10-24", "2026-10-26",
     ["2026-10-24 22:30 - 2026-10-25 01:30"]),
    ("Madrid back, closes when the hour begins", window(MADRID, "00:00-02:00", "SUN"), "2026-10-24", "2026-10-26",
     ["2026-10-24 22:00 - 2026-10-25 01:00"]),
    ("Madrid back, over midnight into it", window(MADRID, "22:00-04:00", "SAT"), "2026-10-24", "2026-10-26",
     ["2026-10-24 20:00 - 2026-10-25 03:00"]),
    ("Madrid back, over midnight out of it", window(MADRID, "22:00-04:00", "SUN"), "2026-10-24", "2026-10-27",
     ["2026-10-25 21:00 - 2026-10-26 03:00"]),
    ("Santiago forward, midnight is missing", window(SANTIAGO, "00:00-06:00", "SUN"), "2026-09-05", "2026-09-07",
     ["2026-09-06 04:00 - 2026-09-06 09:00"]),
    ("Santiago forward, closes at the missing midnight", window(SANTIAGO, "20:00-00:00", "SAT"),
     "2026-09-05", "2026-09-07", ["2026-09-06 00:00 - 2026-09-06 04:00"]),
    ("Santiago back, over the midnight that is put off", window(SANTIAGO, "23:00-01:00", "SAT"),
     "2026-04-04", "2026-04-06", ["2026-04-05 02:00 - 2026-04-05 05:00"]),
    ("Santiago back, closes at 23:00, which comes twice", window(SANTIAGO, "22:00-23:00", "SAT"),
     "2026-04-04", "2026-04-06", ["2026-04-05 01:00 - 2026-04-05 03:00"]),
    ("Santiago back, a day of 25 hours", window(SANTIAGO, "00:00-00:00", "SAT"), "2026-04-04", "2026-04-06",
     ["2026-04-04 03:00 - 2026-04-05 04:00"]),
    ("Lord Howe forward, half an hour is missing", window(LORD_HOWE, "02:00-03:00", "SUN"), "2026-10-03", "2026-10-05",
     ["2026-10-03 15:30 - 2026-10-03 16:00"]),
    ("Lord Howe back, half an hour comes twice", window(LORD_HOWE, "01:30-02:30", "SUN"), "2026-04-04", "2026-04-06",
     ["2026-04-04 14:30 - 2026-04-04 16:00"]),
    ("Apia leaves a Friday out", window("Pacific/Apia", "09:00-10:00"), "2011-12-29 12:00", "2011-12-31 12:00",
     ["2011-12-29 19:00 - 2011-12-29 20:00", "2011-12-30 19:00 - 2011-12-30 20:00"]),
    ("24 hours of one day", window("UTC", "09:00-09:00", "MON"), "2026-07-05", "2026-07-09",
     ["2026-07-06 09:00 - 2026-07-07 09:00"]),
    ("24 hours of days in a row are one span", window("UTC", "09:00-09:00", "MON TUE WED"), "2026-07-07", "2026-07-08",
     ["2026-07-06 09:00 - 2026-07-09 09:00"]),
    ("over the end of a month", window("UTC", "22:00-02:00"), "2026-07-31 23:00", "2026-08-01 01:00",
     ["2026-07-31 22:00 - 2026-08-01 02:00"]),
    ("into a leap day", window("UTC", "22:00-02:00", "MON"), "2028-02-28", "2028-03-01",
     ["2028-02-28 22:00 - 2028-02-29 02:00"]),
    ("out of a leap day", window("UTC", "22:00-02:00", "TUE"), "2028-02-28", "2028-03-02",
     ["2028-02-29 22:00 - 2028-03-01 02:00"]),
    ("over new year", window("UTC", "22:00-02:00", "THU"), "2026-12-31", "2027-01-02",
     ["2026-12-31 22:00 - 2027-01-01 02:00"]),
    ("windows that touch are one span", [window("UTC", "09:00-12:00"), window("UTC", "12:00-15:00")],
     "2026-07-01", "2026-07-02", ["2026-07-01 09:00 - 2026-07-01 15:00"]),
    ("windows that overlap are one span", [window("UTC", "09:00-14:00"), window("+02:00", "12:00-18:00")],
     "2026-07-01", "2026-07-02", ["2026-07-01 09:00 - 2026-07-01 16:00"]),
    ("a window within another one", [window("UTC", "09:00-15:00"), window("UTC", "10:00-11:00")],
     "2026-07-01", "2026-07-02", ["2026-07-01 09:00 - 2026-07-01 15:00"]),
    ("windows of different days", [window("UTC", "09:00-10:00", "WED"), window("UTC", "11:00-12:00", "THU")],
     "2026-07-01", "2026-07-03", ["2026-07-01 09:00 - 2026-07-01 10:00", "2026-07-02 11:00 - 2026-07-02 12:00"]),
    ("no window on a holiday", window(MADRID, "09:00-15:00", holidays="es"), "2026-10-11 22:00", "2026-10-13 22:00",
     ["2026-10-13 07:00 - 2026-10-13 13:00"]),
    ("an evening reaches into a holiday, and the holiday's is left out", window(MADRID, "22:00-06:00", holidays="es"),
     "2026-10-11 12:00", "2026-10-14", ["2026-10-11 20:00 - 2026-10-12 04:00", "2026-10-13 20:00 - 2026-10-14 04:00"]),
    ("24 hours end at a holiday", window(MADRID, "00:00-00:00", holidays="es"), "2026-12-23", "2026-12-27",
     ["2026-10-12 22:00 - 2026-12-23 23:00", "2026-12-25 23:00 - infinity"]),
    ("a holiday of another calendar", window(MADRID, "09:00-15:00", holidays="other"), "2026-10-12", "2026-10-13",
     ["2026-10-12 07:00 - 2026-10-12 13:00"]),
    ("holidays of one window alone", [window("UTC", "09:00-12:00", holidays="es"), window("UTC", "11:00-13:00")],
     "2026-10-12", "2026-10-13", ["2026-10-12 11:00 - 2026-10-12 13:00"]),
    ("open for more than 400 days, until a holiday", window("UTC", "09:00-09:00", holidays="late"),
     "2026-12-23", "2026-12-26", ["-infinity - 2026-12-24 09:00", "2026-12-25 09:00 - infinity"]),
    ("always", window(MADRID, "07:00-07:00"), "2026-10-12", "2026-10-13", ["-infinity - infinity"]),
    ("always, of two windows", [window(MADRID, "07:00-19:00"), window(MADRID, "19:00-07:00")],
     "2026-10-12", "2026-10-13", ["-infinity - infinity"]),
    ("no windows: always", None, "2026-10-12", "2026-10-13", ["-infinity - infinity"]),
    ("a span that ends when it begins is none of it", window("UTC", "09:00-15:00"), "2026-07-01 15:00",
     "2026-07-02 09:00", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("windows", "start", "end", "expected"), [case[1:] for case in SPANS], ids=[c[0] for c in SPANS]
)
def test_windows_open_and_close(calendar: Db, windows: Any, start: str, end: str, expected: list[str]) -> None:
    """Windows are open in exactly these spans."""
    assert expected == spans(calendar, windows, f"{start} UTC", f"{end} UTC")


HALVES = [window("Europe/Madrid", "06:00-18:00"), window("Europe/Madrid", "18:00-06:00")]
WORKING = [{**half, "holidays": "late"} for half in HALVES]


def spans_looked_at(db: Db, call: str, *args: object) -> int:
    """How many windows of single days a call computes."""
    counted = "select coalesce(pg_stat_get_xact_function_calls('pgjobs.window_span'::regproc), 0)"
    with db.transaction():
        db.execute("set local track_functions = 'pl'")
        before = int(db.value(counted))
        db.execute(call.encode(), args)
        return int(db.value(counted)) - before


@pytest.mark.parametrize(
    ("windows", "closes"),
    [(HALVES, None), ([*HALVES, window("UTC", "09:00-15:00", "MON")], None), (WORKING, "2026-12-24 05:00")],
)
def test_what_leaves_no_time_out_is_soon_known(calendar: Db, windows: Any, closes: str | None) -> None:
    """Of windows that cover every day together a few days are looked at, not all of the next 400, and none of the past
    400; the next holiday still closes them."""
    text, start = json.dumps(windows), moment("2026-03-01 12:00")
    until = closes and moment(closes)
    assert (True, until) == window_at(calendar, windows, start)
    assert spans_looked_at(calendar, "select pgjobs.window_at(%s::jsonb, %s)", text, start) < 60
    assert 1 == len(spans(calendar, windows, start, moment("2026-04-01 12:00")))
    call = "select pgjobs.window_spans(%s::jsonb, %s, %s)"
    assert spans_looked_at(calendar, call, text, start, moment("2026-04-01 12:00")) < 300


def test_a_gap_behind_many_days_is_found(calendar: Db) -> None:
    """Windows of two zones that touch each other until the clocks of one of them change close then; an hour of Sunday
    that is left out closes those of a week; and a holiday is seen from the day before on."""
    zones = [window("Europe/Madrid", "06:00-18:00"), window("+01:00", "18:00-06:00")]
    assert (True, moment("2026-03-29 16:00")) == window_at(calendar, zones, "2026-01-01 12:00Z")
    week = [window("UTC", "06:00-06:00", "MON TUE WED THU FRI SAT"), window("UTC", "06:00-05:00", "SUN")]
    assert (True, moment("2026-03-09 05:00")) == window_at(calendar, week, "2026-03-02 06:00Z")
    assert (True, moment("2026-12-24 05:00")) == window_at(calendar, WORKING, "2026-12-23 12:00Z")
    assert (False, moment("2026-12-25 05:00")) == window_at(calendar, WORKING, "2026-12-24 12:00Z")


def test_each_span_is_what_window_at_says(calendar: Db) -> None:
    """A span begins at its first moment and ends before its closing one, to the microsecond."""
    one = window(MADRID, "02:00-03:00", "SUN")
    opens, closes = moment("2026-10-25 00:00"), moment("2026-10-25 02:00")
    tick = timedelta(microseconds=1)
    next_opens = moment("2026-11-01 01:00")
    assert (False, opens) == window_at(calendar, one, opens - tick)
    assert (True, closes) == window_at(calendar, one, opens)
    assert (True, closes) == window_at(calendar, one, closes - tick)
    assert (False, next_opens) == window_at(calendar, one, closes)


def test_a_clock_may_be_put_back_over_midnight(calendar: Db) -> None:
    """In St. John's the clock went from Sunday 00:01 back to Saturday 23:01: the window of a day that the clock shows
    no more, or only shows again later, is open all the same."""
    back = moment("2010-11-07 02:31")
    sunday = window("America/St_Johns", "00:00-02:00", "SUN")
    assert (True, moment("2010-11-07 05:30")) == window_at(calendar, sunday, back + timedelta(minutes=14))
    friday = window("America/St_Johns", "23:30-23:30", "FRI")
    assert (True, moment("2010-11-07 03:00")) == window_at(calendar, friday, back - timedelta(seconds=30))


def test_the_clock_set_back_a_day_is_asked_again(calendar: Db) -> None:
    """The answer depends on the moment alone: asked for yesterday after today it is the one of yesterday."""
    one = window(MADRID, "09:00-15:00")
    before = window_at(calendar, one, "2026-07-01 10:00Z")
    window_at(calendar, one, "2026-07-02 10:00Z")
    assert (True, moment("2026-07-01 13:00")) == before == window_at(calendar, one, "2026-07-01 10:00Z")


@pytest.mark.parametrize("at", ["infinity", "-infinity", "294276-12-01 00:00Z", "4713-01-01 00:00Z BC"])
def test_no_window_is_open_at_the_ends_of_time(calendar: Db, at: str) -> None:
    """A moment that is none, or where years end, has no open window, and nothing fails; without windows it is open."""
    for windows in (window(MADRID, "09:00-15:00"), window(MADRID, "09:00-09:00")):
        assert (False, None) == window_at(calendar, windows, at)
        assert [] == spans(calendar, windows, at, "infinity")
    assert (True, None) == window_at(calendar, None, at)


def test_windows_go_on_in_the_far_future(calendar: Db) -> None:
    """In a year for which no zone has a table any more, the last rule of the zone holds."""
    row = calendar.row(
        "select open, until = '20000-07-01 13:00Z' from pgjobs.window_at(%s, '20000-07-01 07:00Z')",
        json.dumps(window(MADRID, "09:00-15:00")),
    )
    assert (True, True) == row


def test_nothing_is_looked_for_beyond_400_days(calendar: Db) -> None:
    """A window that holidays close for longer than 400 days has no opening; a day less, and it has one."""
    calendar.execute(
        "insert into pgjobs.holidays (calendar, day)"
        " select c, date '2026-01-01' + n from (values ('399', 398), ('401', 400)) v (c, d), generate_series(0, d) n"
    )
    every_day = {"start": "00:00", "stop": "01:00"}
    opening = moment("2026-01-01 00:00") + timedelta(days=399)
    assert (False, opening) == window_at(calendar, every_day | {"holidays": "399"}, "2026-01-01 00:00Z")
    assert (False, None) == window_at(calendar, every_day | {"holidays": "401"}, "2026-01-01 00:00Z")
    assert [] == spans(calendar, every_day | {"holidays": "401"}, "2026-01-01 00:00Z", "2028-01-01 00:00Z")
    all_day = {"start": "00:00", "stop": "00:00", "holidays": "399"}
    assert (True, moment("2026-01-01 00:00")) == window_at(calendar, all_day, moment("2026-01-01 00:00") - HORIZON)
    assert (True, None) == window_at(calendar, all_day, moment("2025-12-31 23:59") - HORIZON)


def test_a_shorter_time_may_be_looked_ahead(calendar: Db) -> None:
    """Whoever asks for an hour only hears of a change within this hour, whether it is open or not."""
    ask = "select * from pgjobs.window_at(%s, %s, null, '1 hour')"
    one = json.dumps(window("UTC", "09:00-15:00"))
    for at, answer in (
        ("2026-07-01 13:59", (True, None)),
        ("2026-07-01 14:00", (True, moment("2026-07-01 15:00"))),
        ("2026-07-01 07:59", (False, None)),
        ("2026-07-01 08:00", (False, moment("2026-07-01 09:00"))),
    ):
        assert answer == calendar.row(ask, one, moment(at))


def test_an_endless_time_is_answered_for_400_days(calendar: Db) -> None:
    """Up to infinity the spans of 400 days are given, from nowhere none."""
    one = window("UTC", "09:00-15:00")
    assert 400 == len(spans(calendar, one, "2026-01-01 00:00Z", "infinity"))
    assert [] == spans(calendar, one, "-infinity", "2026-01-01 00:00Z")
    assert [] == spans(calendar, one, "2026-01-02 10:00Z", "2026-01-02 10:00Z")


def test_another_zone_takes_the_place_of_the_windows_own(calendar: Db) -> None:
    """In the zone of a recipient all windows count by this zone, whatever they say, and keep their holidays."""
    windows = [window(MADRID, "09:00-12:00", holidays="es"), {"start": "14:00+02:00", "stop": "15:00+02:00"}]
    assert ["2026-10-11 03:30 - 2026-10-11 06:30", "2026-10-11 08:30 - 2026-10-11 09:30",
            "2026-10-12 08:30 - 2026-10-12 09:30"] == spans(
        calendar, windows, "2026-10-11 00:00Z", "2026-10-13 00:00Z", "Asia/Kolkata")  # fmt: skip
    assert (True, moment("2026-10-11 06:30")) == window_at(calendar, windows, "2026-10-11 03:30Z", "+05:30")


def test_the_zone_of_the_session_does_not_matter(calendar: Db) -> None:
    """A session in a zone with daylight saving gets the same spans as one in UTC."""
    every_night = window("UTC", "22:00-06:00")
    expected = spans(calendar, every_night, "2026-03-01 00:00Z", "2026-04-01 00:00Z")
    assert 32 == len(expected)
    with connect(calendar.info.dsn + f" password={calendar.info.password}", timezone="America/Havana") as other:
        assert expected == spans(other, every_night, "2026-03-01 00:00Z", "2026-04-01 00:00Z")


def examples() -> list[tuple[str, str, str, str]]:
    """The rows of the table of windows in sql/README.md."""
    text = README.read_text().partition("\n## Windows\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(.*?)` \| (\d\S+ \d\S+) \| (open|closed) until (\S+ \S+) \|", text, re.MULTILINE)


def test_the_examples_of_the_readme_are_true(calendar: Db) -> None:
    """Each row of the table of windows says what window_at says."""
    rows = examples()
    assert 9 <= len(rows)
    for text, at, state, until in rows:
        found = window_at(calendar, json.loads(text), moment(at))
        assert (state == "open", moment(until)) == found, text


ZONES: list[str | int] = [
    "UTC", "Europe/Madrid", "America/Santiago", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Havana", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia", "Pacific/Chatham", "Europe/Dublin",
    "Atlantic/Azores", "Asia/Tehran", 0, 120, -210, 345, 840, -840,
]  # fmt: skip
# Moments near which clocks of these zones are changed, and any other; no version of the data differs here.
CHANGES = [
    moment("2019-03-31 01:00"), moment("2019-10-27 01:00"), moment("2019-04-07 03:00"), moment("2019-09-08 04:00"),
    moment("2019-04-06 15:00"), moment("2019-10-05 15:30"), moment("2018-11-04 03:00"), moment("2019-02-17 02:00"),
    moment("2011-12-30 10:00"), moment("2010-11-07 02:31"), moment("2010-03-14 03:31"), moment("2019-03-10 05:00"),
    moment("2019-11-03 05:00"), moment("2019-03-21 20:30"), moment("2019-09-21 19:30"), moment("2020-02-28 12:00"),
]  # fmt: skip


@st.composite
def windows_near(draw: st.DrawFn) -> tuple[list[Window], datetime]:
    """Some windows, often of hours at which clocks are changed, and a moment, often near a change."""
    near = draw(
        st.sampled_from(CHANGES)
        | st.integers(0, 12 * 365 * 24).map(lambda hours: moment("2009-01-01 00:00") + timedelta(hours=hours))
    )
    at = near + timedelta(minutes=draw(st.integers(-3 * 24 * 60, 24 * 60)))
    hours = st.sampled_from([22, 23, 0, 1, 2, 3, 4]) | st.integers(0, 23)
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(hours), draw(st.sampled_from([1, 2, 24]) | st.integers(1, 24))
        minute = draw(st.sampled_from([0, 30, 0, 15]))
        days = draw(st.just(DAYS) | st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True).map(tuple))
        off = draw(st.just(frozenset[int]()) | st.frozensets(st.integers(-2, 6), max_size=4))
        holidays = frozenset(at.date() + timedelta(days=n) for n in off)
        stop = time((start + length) % 24, minute)
        found.append(Window(days, time(start, minute), stop, draw(st.sampled_from(ZONES)), holidays))
    return found, at


def as_json(db: Db, windows: list[Window]) -> str:
    """The windows as a schedule has them; their holidays are written into calendars of this name."""
    db.execute("delete from pgjobs.holidays where calendar like 'model%'")
    rows = [(f"model{n}", day) for n, one in enumerate(windows) for day in one.holidays]
    with db.cursor() as cursor:
        cursor.executemany("insert into pgjobs.holidays (calendar, day) values (%s, %s)", rows)
    return json.dumps([written(one, f"model{n}") for n, one in enumerate(windows)])


def written(one: Window, calendar: str) -> dict[str, Any]:
    suffix, zone = "", {"zone": one.zone}
    if isinstance(one.zone, int):
        suffix, zone = f"{'-' if one.zone < 0 else '+'}{abs(one.zone) // 60:02}:{abs(one.zone) % 60:02}", {}
    hours = {"start": f"{one.start:%H:%M}{suffix}", "stop": f"{one.stop:%H:%M:%S}{suffix}"}
    days = {} if one.days == DAYS else {"days": list(one.days)}
    return {**hours, **zone, **days, **({"holidays": calendar} if one.holidays else {})}


@settings(max_examples=50, deadline=None)
@given(case=windows_near())
def test_windows_agree_with_the_model(calendar: Db, case: tuple[list[Window], datetime]) -> None:
    """Random windows near changes of clocks: whether they are open, until when, and every span of the days that follow
    are those of a model that looks at every minute; spans are in order and never touch."""
    windows, at = case
    text = as_json(calendar, windows)
    expected = list(changes(windows, at, 8))
    open_, until = calendar.row("select open, coalesce(until, %s) from pgjobs.window_at(%s, %s)", FAR, text, at)
    assert expected[0][1] == open_
    if len(expected) > 1:
        assert expected[1][0] == until
    else:
        assert at + timedelta(days=8) <= until
    end = at + timedelta(days=8)
    rows = calendar.execute(
        "select greatest(opens, '0001-01-01Z'), least(closes, %s) from pgjobs.window_spans(%s, %s, %s)",
        (FAR, text, at, end),
    ).fetchall()
    moments = [moment for row in rows for moment in row]
    assert sorted(set(moments)) == moments
    assert [at for at, _ in expected[1:]] == [moment for moment in moments if at < moment < end]
    assert all(opens < end and closes > at for opens, closes in rows)
    assert expected[0][1] == any(opens <= at < closes for opens, closes in rows)
