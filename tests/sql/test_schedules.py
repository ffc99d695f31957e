"""What schedule and budget may say: every accepted form, and a refusal that names key and remedy for all the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fix_database import shared_database
from fix_jobs import Db, connect
from hypothesis import given, settings
from hypothesis import strategies as st

from pgjobs.lab.services import Services

README = Path(__file__).parents[2] / "sql" / "README.md"
NINE = {"start": "09:00", "stop": "15:00"}
SPREAD = {"max_spread": 80, "factor": 75}
SCHEDULES: list[dict[str, Any]] = [
    {},
    {"window": NINE},
    {"window": [NINE]},
    {"window": [NINE] * 50},
    {"window": {"start": "09:00:00", "stop": "15:00:00", "days": ["MON", "SUN", "MON"]}},
    {"window": {"start": "09:30", "stop": "15:30", "zone": "Europe/Madrid"}},
    {"window": {"start": "09:30:15", "stop": "10:30:15"}},
    {"window": {"start": "22:00", "stop": "06:00", "zone": "America/Argentina/ComodRivadavia"}},
    {"window": {"start": "22:00", "stop": "22:00", "zone": "America/Port-au-Prince"}},
    {"window": {"start": "00:00Z", "stop": "00:00:00Z"}},
    {"window": {"start": "09:00+02:00", "stop": "15:00:00+02:00"}},
    {"window": {"start": "09:00-1130", "stop": "15:00-1130"}},
    *({"window": NINE | {"zone": zone}} for zone in ("UTC", "GMT", "Z", "+14:00", "-14", "+0545", "Etc/GMT+12")),
    {"window": NINE | {"holidays": "es"}},
    *({"stop_after": text} for text in ("90 min", "PT1H", "1 day 2 hours", "01:30:00", "1 month", "P1Y", "1000 years")),
    {"misfire": "run"},
    {"misfire": "skip"},
    {"misfire": {"run_if_within": "30 min"}},
    {"local_time": True, "window": NINE},
    {"local_time": False},
    {"scattering": SPREAD},
    {"scattering": {"max_spread": 0, "factor": 99.5, "warning_max_rate": 3}},
]  # fmt: skip

# Each wrong schedule with the field that is named, and a piece of the sentence or of the hint.
WRONG: list[tuple[Any, str, str]] = [
    ([], "schedule", "has to be a JSON object"),
    ("09:00", "schedule", "has to be a JSON object"),
    (None, "schedule", "has to be a JSON object"),
    ({"window": NINE | {"days": ["MON"] * 20000}}, "schedule", "larger than 64 KB"),
    ({"windows": NINE}, "schedule.windows", "it knows local_time, misfire, scattering, stop_after, window"),
    ({"window": None}, "schedule.window", "it is empty"),
    ({"window": " "}, "schedule.window", "it is empty"),
    ({"window": "09:00-15:00"}, "schedule.window", "it knows days, holidays, start, stop, zone"),
    ({"window": []}, "schedule.window", "the list has 0 windows"),
    ({"window": [NINE] * 51}, "schedule.window", "the list has 51 windows"),
    ({"window": [NINE, NINE | {"zone": "Mars/Base"}]}, "schedule.window[1].zone", '"Mars/Base" is not a time zone'),
    ({"window": [NINE, [NINE]]}, "schedule.window[1]", "has to be a JSON object"),
    ({"window": NINE | {"hours": 6}}, "schedule.window.hours", "there is no such key"),
    ({"window": NINE | {"zone": ""}}, "schedule.window.zone", "leave it out"),
    ({"window": NINE | {"days": []}}, "schedule.window.days", "leave days out for every day"),
    ({"window": NINE | {"days": "MON"}}, "schedule.window.days", "has to be a list of days"),
    ({"window": NINE | {"days": {"MON": 1}}}, "schedule.window.days", "has to be a list of days"),
    *(
        ({"window": NINE | {"days": ["MON", day]}}, "schedule.window.days", f"{json.dumps(day)} is not a day")
        for day in ("mon", "MO", "Monday", "", 1, None, ["TUE"])
    ),
    ({"window": {"start": "09:00"}}, "schedule.window.stop", "it is missing"),
    ({"window": {"stop": "09:00"}}, "schedule.window.start", "it is missing"),
    *(
        ({"window": {"start": text, "stop": "15:00"}}, "schedule.window.start", "is not a time of the day")
        for text in ("9:00", "24:00", "09", "09:60", "09:00:60", "0900", "09:00 ", "9 am", "09:00 UTC", "09:00+",
                     "09:00z", 900, ["09:00"], True)
    ),
    ({"window": {"start": "09:00+15:00", "stop": "10:00+15:00"}}, "schedule.window.start", "from -14:00 to +14:00"),
    ({"window": {"start": "09:00+2", "stop": "10:00+2"}}, "schedule.window.start", "+2 is not an offset"),
    ({"window": {"start": "09:00+02:00", "stop": "15:00"}}, "schedule.window.stop", "not the one of start"),
    ({"window": {"start": "09:00+02:00", "stop": "15:00+03:00"}}, "schedule.window.stop", "not the one of start"),
    ({"window": {"start": "09:00Z", "stop": "15:00Z", "zone": "UTC"}}, "schedule.window.zone", "leave out the zone"),
    ({"window": {"start": "09:00", "stop": "15:30"}}, "schedule.window.stop", "let it stop at 16:00:00"),
    ({"window": {"start": "22:15Z", "stop": "06:00Z"}}, "schedule.window.stop", "let it stop at 06:15:00Z"),
    ({"window": {"start": "09:00", "stop": "15:00:01"}}, "schedule.window.stop", "not a whole number of hours"),
    *(
        ({"window": NINE | {"zone": zone}}, "schedule.window.zone", f"{json.dumps(zone)} is not a time zone")
        for zone in ("CEST", "EST", "FOO5", "Foo/Bar5", "Etc/GMT+13", "Europe/Nowhere", "Europe", "Europe/Madrid ",
                     "<+02>-02", "EST5EDT", "EST5EDT,M3.2.0,M11.1.0", "+15:00", "+14:30", "+2", "02:00", "+02:60", "z",
                     "local", "posix/Europe/Madrid", "../UTC", 2, True, ["UTC"])
    ),
    ({"window": NINE | {"holidays": "xx"}}, "schedule.window.holidays", "use one of closed, es, or insert its days"),
    ({"window": NINE | {"holidays": 1}}, "schedule.window.holidays", "there is no calendar 1"),
    ({"window": NINE | {"holidays": "closed"}}, "schedule.window", "does not open for 400 days"),
    ({"window": [NINE | {"holidays": "closed"}] * 2}, "schedule.window", "leave out the holidays"),
    *(
        ({"stop_after": value}, "schedule.stop_after", "is not a length of time")
        for value in ("90", "0 min", "-1 hour", "1 hour ago", "soon", "PT", "1 h x", "infinity", "1001 years",
                      "999999999999 years", 90, True, {"hours": 1})
    ),
    ({"misfire": "later"}, "schedule.misfire", 'write "run", "skip" or {"run_if_within": "30 min"}'),
    ({"misfire": True}, "schedule.misfire", "true is not known"),
    ({"misfire": {}}, "schedule.misfire.run_if_within", "is not a length of time"),
    ({"misfire": {"run_if_within": 30}}, "schedule.misfire.run_if_within", "with its unit"),
    ({"misfire": {"run_if_within": "9 min"}}, "schedule.misfire.run_if_within", "give ten minutes or more"),
    ({"misfire": {"within": "30 min"}}, "schedule.misfire.within", "it knows run_if_within"),
    ({"local_time": "true"}, "schedule.local_time", "neither true nor false"),
    ({"local_time": 1}, "schedule.local_time", "neither true nor false"),
    ({"scattering": 80}, "schedule.scattering", "has to be a JSON object"),
    ({"scattering": {}}, "schedule.scattering.max_spread", "it is missing"),
    ({"scattering": {"max_spread": 80}}, "schedule.scattering.factor", "it is missing"),
    ({"scattering": {"factor": 80}}, "schedule.scattering.max_spread", "give max_spread and factor"),
    *(
        ({"scattering": SPREAD | {key: value}}, f"schedule.scattering.{key}", "is not a number from 0 to 100")
        for key in SPREAD
        for value in (-1, 100.5, "80", True, [80], 10**400)
    ),
    ({"scattering": SPREAD | {"field": "city"}}, "schedule.scattering.field", "records are not grouped"),
    ({"scattering": SPREAD | {"warning_max_rate": 0}}, "schedule.scattering.warning_max_rate", "records per second"),
    ({"scattering": SPREAD | {"maxSpread": 1}}, "schedule.scattering.maxSpread", "there is no such key"),
]  # fmt: skip

BUDGETS: list[dict[str, Any]] = [
    {},
    {"errors": 0},
    {"errors": 100},
    {"errors": {"count": 100}},
    {"errors": {"share": 0.05}},
    {"errors": {"count": 100, "share": 1, "after": 1000}},
    {"canary": {"first": 500}},
    {"errors": 1, "canary": {"first": 1}},
]

WRONG_BUDGETS: list[tuple[Any, str, str]] = [
    ([], "budget", "has to be a JSON object"),
    (None, "budget", "has to be a JSON object"),
    ({"error": 1}, "budget.error", "it knows canary, errors"),
    ({"errors": None}, "budget.errors", "it is empty"),
    *(({"errors": value}, "budget.errors", "a number such as 100") for value in (-1, 1.5, "100", True, [1], 10**13)),
    ({"errors": {}}, "budget.errors", "neither count nor share"),
    ({"errors": {"after": 10}}, "budget.errors", "neither count nor share"),
    ({"errors": {"count": 1, "after": 10}}, "budget.errors.after", "no effect without share"),
    ({"errors": {"count": -1}}, "budget.errors.count", "whole number"),
    ({"errors": {"percent": 5}}, "budget.errors.percent", "it knows after, count, share"),
    *(({"errors": {"share": value}}, "budget.errors.share", "write 5 % as 0.05") for value in (5, -0.1, "0.05", False)),
    ({"errors": {"share": 0.5, "after": 0.5}}, "budget.errors.after", "whole number"),
    ({"canary": 500}, "budget.canary", "it knows first"),
    ({"canary": {}}, "budget.canary.first", "it is missing"),
    *(({"canary": {"first": value}}, "budget.canary.first", "whole number from 1") for value in (0, -1, 1.5, "500")),
    ({"canary": {"first": 1, "then": "hold"}}, "budget.canary.then", "there is no such key"),
]  # fmt: skip


@pytest.fixture(scope="module")
def checked(services: Services, template_database: str) -> Iterator[Db]:
    """A connection to a database that these tests share, with a calendar of holidays and one that has no other days."""
    with shared_database(services, template_database, "schedules") as url, connect(url) as connection:
        connection.execute(
            "insert into pgjobs.holidays (calendar, day) select 'es', '2026-12-25'"
            " union all select 'closed', current_date - 10 + n from generate_series(0, 420) n"
        )
        yield connection


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_schedule_is_accepted(checked: Db, schedule: dict[str, Any]) -> None:
    """Every form of a schedule passes, and its window can be asked for."""
    text = json.dumps(schedule)
    checked.execute("select pgjobs.check_schedule(%s)", (text,))
    assert 1 == checked.value("select count(*) from pgjobs.window_at(%s::jsonb -> 'window', now())", text)


@pytest.mark.parametrize(("schedule", "field", "said"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_schedule_is_refused(checked: Db, schedule: Any, field: str, said: str) -> None:
    """The refusal names the key by its path, begins its sentence with it, and says what to write."""
    refused(checked, "schedule", schedule, field, said)


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_a_budget_is_accepted(checked: Db, budget: dict[str, Any]) -> None:
    """Every form of a budget passes."""
    checked.execute("select pgjobs.check_budget(%s)", (json.dumps(budget),))


@pytest.mark.parametrize(("budget", "field", "said"), WRONG_BUDGETS, ids=lambda value: str(value)[:60])
def test_a_wrong_budget_is_refused(checked: Db, budget: Any, field: str, said: str) -> None:
    """The refusal names the key by its path, begins its sentence with it, and says what to write."""
    refused(checked, "budget", budget, field, said)


def refused(db: Db, column: str, value: Any, field: str, said: str) -> None:
    said_by = db.refusal(f"select pgjobs.check_{column}(%s)", None if value is None else json.dumps(value))
    assert ("PJ400", f"bad_{column}", field) == (said_by.sqlstate, said_by.constraint_name, said_by.column_name)
    assert (said_by.message_primary or "").startswith(f"{field}: ")
    assert said in f"{said_by.message_primary}; {said_by.message_hint}"
    assert said_by.message_hint
    assert len(said_by.message_primary or "") < 300


@pytest.mark.parametrize("column", ["schedule", "budget"])
def test_a_refusal_names_the_table(checked: Db, column: str) -> None:
    """What is refused in a type is told as its table's, in a job as the one of jobs."""
    for args, table in (("", "xmp_jobs"), (", 'public.xmp_job_types'", "xmp_job_types")):
        said = checked.refusal(f"select pgjobs.check_{column}('[]'{args})")
        assert ("public", table) == (said.schema_name, said.table_name)


@pytest.mark.parametrize(
    ("title", "column", "path"),
    [("key of `schedule`", "schedule", []), ("key of `budget`", "budget", []), ("key", "schedule", ["window"])],
)
def test_every_key_stands_in_its_table(checked: Db, title: str, column: str, path: list[str]) -> None:
    """The README lists exactly the keys that are known, and its examples are accepted."""
    text = README.read_text().partition("\n## Schedule and budget\n")[2]
    rows = re.findall(rf"^\| {re.escape(title)} \|.*\n(?:\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    cells = [re.findall(r"`([^`]+)`", "|".join(row.split("|")[1:3])) for row in rows]
    value: Any = {"no such": 1}
    for key in path:
        value = {key: value}
    said = checked.refusal(f"select pgjobs.check_{column}(%s)", json.dumps(value)).message_hint or ""
    keys = [word for words in cells for word in words if re.fullmatch("[a-z_]+", word)]
    assert sorted(set(keys) - {"true"}) == said.removeprefix("it knows ").split(", ")
    for key, example in [] if path else cells:
        checked.execute(f"select pgjobs.check_{column}(%s)", (json.dumps({key: json.loads(example)}),))


def test_a_calendar_without_any_day_is_told(db: Db) -> None:
    """Where no calendar has a day, the remedy is to insert some."""
    said = db.refusal("select pgjobs.check_schedule(%s)", json.dumps({"window": NINE | {"holidays": "es"}}))
    assert "insert its days into pgjobs.holidays first" == said.message_hint


def test_every_zone_of_the_server_with_a_slash_is_one(checked: Db) -> None:
    """is_zone knows exactly the names of the server that have a slash, besides UTC and GMT."""
    known = (
        "select coalesce(array_agg(name order by name), '{}') from pg_timezone_names where name !~ '^(posix|right)/'"
    )
    wrong = checked.value(f"{known} and pgjobs.is_zone(name) <> (name like '%/%' or name in ('UTC', 'GMT'))")
    assert [] == wrong


WORDS = st.sampled_from(
    ["window", "days", "start", "stop", "zone", "holidays", "stop_after", "misfire", "local_time", "scattering",
     "errors", "count", "share", "after", "canary", "first", "max_spread", "factor", "run_if_within", "MON", "09:00",
     "15:00", "09:00+02:00", "Europe/Madrid", "es", "90 min", "run", "+02:00", "Foo/Bar5", "", "\u00e9\U0001f600"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 10**20) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
HOURS = st.fixed_dictionaries(
    {"start": st.sampled_from(["09:00", "22:30"]) | ANYTHING, "stop": st.sampled_from(["15:00", "06:30"]) | ANYTHING},
    optional={"days": st.lists(st.just("MON") | ANYTHING), "zone": WORDS, "holidays": WORDS},
)


@settings(max_examples=150, deadline=None)
@given(schedule=ANYTHING | st.fixed_dictionaries({"window": HOURS | st.lists(HOURS, max_size=2)}), budget=ANYTHING)
def test_whatever_is_written_is_judged(checked: Db, schedule: Any, budget: Any) -> None:
    """Any JSON is accepted or refused with a field and a remedy, never an error of another kind; what was accepted can
    be asked for."""
    text = json.dumps(schedule)
    if judged(checked, "schedule", text):
        assert 1 == checked.value("select count(*) from pgjobs.window_at(%s::jsonb -> 'window', now())", text)
    judged(checked, "budget", json.dumps(budget))


def judged(db: Db, column: str, text: str) -> bool:
    """Whether a value is accepted."""
    try:
        db.execute(f"select pgjobs.check_{column}(%s)", (text,))
    except psycopg.Error as error:
        said = error.diag
    else:
        return True
    assert ("PJ400", f"bad_{column}") == (said.sqlstate, said.constraint_name), said.message_primary
    assert (said.column_name or "").startswith(column)
    assert said.message_hint
    return False
