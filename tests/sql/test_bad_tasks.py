"""A task that can not be right, or would never fire, is refused when it is written: one sentence, field, remedy."""

from typing import Any

from fix_jobs import Db, insert_job
from fix_tasks import DAILY, MADRID, MINUTES, insert_task, jobs, set_clock
from psycopg.types.json import Jsonb

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
    (
        {"starts_at": "8999-12-31T12:00Z"},
        "starts_at",
        "starts_at: the task would never fire, for no occasion comes between 8999-12-31T12:00:00Z and the year 9000",
    ),
    ({"stops_at": "infinity"}, "stops_at", "stops_at: infinity is out of range"),
    ({"starts_at": "1999-12-31Z"}, "starts_at", "starts_at: 1999-12-31T00:00:00Z is out of range"),
    ({"most_runs": 0}, "most_runs", "most_runs: 0 is out of range"),
    ({"active": None}, "active", "active: it is null"),
    ({"type": None}, "type", "type: NULL is not a registered job type"),
    ({"params": None}, "params", "params: it has to be a JSON object"),
    ({"max_backlog": 0}, "max_backlog", "max_backlog: 0 is no number of messages"),
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
    ({"name": "a\nb"}, "name", "name: 'a\nb' has control characters"),
    ({"media_type": "MOVIE"}, "reference_id", "reference_id: it is not given, and a job with media_type 'MOVIE' needs"),
    ({"custom_type": "n" * 201}, "custom_type", "custom_type: it has 201 characters"),
    ({"configuration": Jsonb([1])}, "configuration", "configuration: it has to be a JSON object"),
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
    for change in ("starts_at = null", "starts_at = 'infinity'"):
        said = db.refusal(f"update pgjobs.tasks set {change}")  # noqa: S608 - text of the test
        assert ("bad_starts_at", "starts_at") == (said.constraint_name, said.column_name)
        assert said.message_hint
    said = db.refusal("update pgjobs.tasks set created_at = '2026-11-27Z'")
    assert ("PJ409", "fixed", "id", "insert a new task") == (
        said.sqlstate,
        said.constraint_name,
        said.column_name,
        said.message_hint,
    )


def test_null_means_not_given(db: Db) -> None:
    """A column that has a usual value takes null for it, as in xmp_jobs."""
    usual = ("name", "description", "file_name", "priority", "id_user", "schedule", "budget", "starts_at", "created_at")
    described = ("configuration", "media_type", "reference_id", "custom_type")
    insert_task(db, **dict.fromkeys((*usual, *described)))
    task = db.row("select name, description, file_name, priority, id_user, schedule, budget from pgjobs.tasks")
    assert ("", "", "", 5, 0, {}, {}) == task
    assert (5, 0, {}, None, None) == db.row("select priority, id_user, configuration, name, media_type from xmp_jobs")
    db.execute("update pgjobs.tasks set priority = null, id_user = null, name = null")
    assert ("", 5, 0) == db.row("select name, priority, id_user from pgjobs.tasks")


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
