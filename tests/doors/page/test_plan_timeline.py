"""The plan of a job as a timeline: days by the clock of its window's zone, also when the clock is changed."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fix_jobs import Db, claim, insert_job, set_clock
from fix_web import Web

from pgjobs.web.pictures import timeline

SVG = "{http://www.w3.org/2000/svg}"
WINDOW = '{"window": {"start": "09:00", "stop": "15:00", "zone": "Europe/Madrid"}}'


def planned(db: Db, moment: datetime, **columns: object) -> dict[str, Any]:
    """The plan of a new job at a moment."""
    set_clock(db, moment)
    found = db.value("select pgjobs.page_plan(%s)", insert_job(db, run_at=moment, **columns))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("moment", "hours", "offsets"),
    [
        (datetime(2026, 3, 28, 6, tzinfo=UTC), [24, 23, 24], ["08:00", "07:00", "07:00"]),
        (datetime(2026, 10, 24, 6, tzinfo=UTC), [24, 25, 24], ["07:00", "08:00", "08:00"]),
    ],
    ids=["forward", "back"],
)
def test_days_on_which_the_clock_is_changed(db: Db, moment: datetime, hours: list[int], offsets: list[str]) -> None:
    """A window opens at nine by its own clock each day; the day of the change has its real length, in numbers and in
    the picture, which says so."""
    plan = planned(db, moment, schedule=WINDOW, stop_at=moment + timedelta(days=2, hours=5))
    assert "Europe/Madrid" == plan["zone"]
    assert hours == [day["hours"] for day in plan["days"]]
    assert ["09:00:00"] * 3 == [each["begins_local"].split()[-1] for each in plan["intervals"]]
    assert offsets == [datetime.fromisoformat(each["begins"]).strftime("%H:%M") for each in plan["intervals"]]
    svg = ET.fromstring(timeline.draw(plan))  # noqa: S314 - a picture of our own
    (changed,) = (each for each in svg.iter(f"{SVG}g") if "changed" in (each.get("class") or ""))
    title = changed.find(f"{SVG}title")
    assert title is not None
    assert f"{hours[1]} h: the clock is changed" in (title.text or "")
    widths = [
        float(rect.get("width", 0))
        for g in svg.iter(f"{SVG}g")
        if (g.get("class") or "").startswith("run")
        for rect in g.iter(f"{SVG}rect")
    ]
    assert widths[1] == pytest.approx(widths[0], abs=0.2), "six hours are six hours"


def test_the_days_are_those_of_the_zone(db: Db) -> None:
    """A job that is to run at eleven in the evening in UTC has its first interval on the next day of its zone."""
    plan = planned(
        db,
        datetime(2026, 11, 26, 23, 30, tzinfo=UTC),
        schedule='{"window": {"start": "00:00", "stop": "02:00", "zone": "Europe/Madrid"}}',
    )
    assert "Fri 2026-11-27 00:30:00" == plan["intervals"][0]["begins_local"]
    assert "Fri 2026-11-27 02:00:00" == plan["intervals"][0]["ends_local"]
    assert "Fri 2026-11-27" == plan["days"][0]["day"]
    assert 14 == len(plan["days"]), "so many are drawn"
    assert len(plan["intervals"]) == 100, "all are listed"


def test_how_fast_and_why_it_ends(db: Db) -> None:
    """Each interval says how fast and how much, and what comes then; hours are marked where the time is short."""
    moment = datetime(2026, 11, 26, 10, tzinfo=UTC)
    set_clock(db, moment)
    job = insert_job(db, run_at=moment, rate=5)
    claim(db, job)
    db.execute("update pgjobs.shards set estimate = 36000, prepared_at = now() where job_id = %s", (job,))
    plan = db.value("select pgjobs.page_plan(%s)", job)
    (interval,) = plan["intervals"]
    assert "5 records/s, 36\u202f000 records" == timeline.pace_words(interval)
    assert "all its records are through" == interval["why"]
    assert ["10:00", "10:15", "10:30"] == [tick["clock"] for tick in plan["ticks"]][:3]
    assert "UTC" == plan["zone"]
    words = timeline.described(plan)
    assert "One interval, by the clock of UTC; the next 2 h are drawn." in words


def test_an_open_end_and_a_stop_are_drawn(db: Db) -> None:
    """An interval that nothing ends is open; a stop in closed hours is a line."""
    plan = planned(db, datetime(2026, 11, 26, 10, tzinfo=UTC))
    assert [None] == [each["ends"] for each in plan["intervals"]]
    assert 'class="run open"' in timeline.draw(plan)
    assert "with an open end" in timeline.described(plan)
    stopped = planned(
        db, datetime(2026, 11, 26, 3, tzinfo=UTC), schedule=WINDOW, stop_at=datetime(2026, 11, 26, 5, tzinfo=UTC)
    )
    assert [0] == [each["seconds"] for each in stopped["intervals"]]
    assert 'class="stop"' in timeline.draw(stopped)


def test_why_there_is_no_plan(db: Db) -> None:
    """A paused job says why it has none; of one that has ended nothing is planned."""
    job = insert_job(db, active=False)
    plan = db.value("select pgjobs.page_plan(%s)", job)
    assert ([], False) == (plan["intervals"], plan["over"])
    assert "active = true" in plan["why"]
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert {"intervals": [], "over": True, "why": None}.items() <= db.value("select pgjobs.page_plan(%s)", job).items()


def test_limits_of_a_dry_run_are_said_to_have_no_effect(db: Db, web: Web) -> None:
    """The plan of a dry run says which of its limits nothing comes of; of another job it says nothing of the kind."""
    remark = "rate: it has no effect on a dry run, which publishes nothing"
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    dry, live = (insert_job(db, run_at=moment, rate=5, params=params) for params in ('{"dry_run": true}', "{}"))
    assert [remark, None] == [db.value("select pgjobs.page_plan(%s)", job)["remark"] for job in (dry, live)]
    assert [True, False] == [remark in web.get(f"/job/{job}").text for job in (dry, live)]


def test_an_offset_is_a_zone(db: Db) -> None:
    """A window whose zone is an offset is told by that clock, and by its name as it was written."""
    plan = planned(
        db,
        datetime(2026, 11, 26, 1, tzinfo=UTC),
        schedule='{"window": {"start": "09:00+05:00", "stop": "15:00+05:00"}}',
    )
    assert ("+05:00", "Thu 2026-11-26 09:00:00") == (plan["zone"], plan["intervals"][0]["begins_local"])
    assert datetime(2026, 11, 26, 4, tzinfo=UTC) == datetime.fromisoformat(plan["intervals"][0]["begins"])
