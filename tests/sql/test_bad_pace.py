"""Limits that can't be right are refused where they are written: of a job, of a type, of a task."""

from __future__ import annotations

from typing import Any

import pytest
from fix_jobs import Db, insert_job
from psycopg.errors import Diagnostic
from psycopg.types.json import Jsonb

DAILY = '{"pattern": {"time": "02:30", "daily": {}}}'
NINE = {"start": "09:00", "stop": "15:00"}
RATES: list[Any] = [0, -1, "NaN", "Infinity", "-Infinity", 1_000_000_001, 0.00001]
NO_OBJECTS: list[Any] = [None, [], "09:00", 9]
EVERYWHERE: list[tuple[str, Any, str, str]] = [
    *(("rate", bad, "rate", "is no number of records per second") for bad in RATES),
    *(("max_backlog", value, "max_backlog", "is no number of messages") for value in (0, -1)),
    *(("schedule", value, "schedule", "it has to be a JSON object") for value in NO_OBJECTS),
    ("schedule", {"windows": NINE}, "schedule.windows", "there is no such key"),
    ("schedule", {"window": None}, "schedule.window", "it is empty"),
    ("schedule", {"window": NINE | {"stop": "15:30"}}, "schedule.window.stop", "is not a whole number of hours"),
    ("schedule", {"window": NINE | {"zone": "Mars/Base"}}, "schedule.window.zone", "is not a time zone"),
    ("schedule", {"window": [NINE, NINE | {"days": []}]}, "schedule.window[1].days", "it has to be a list of days"),
    ("schedule", {"window": NINE | {"holidays": "xx"}}, "schedule.window.holidays", "there is no calendar"),
    ("schedule", {"misfire": "later"}, "schedule.misfire", "is not known"),
    ("schedule", {"misfire": {"run_if_within": 30}}, "schedule.misfire.run_if_within", "is not a length of time"),
    ("schedule", {"stop_after": "0 s"}, "schedule.stop_after", "is not a length of time"),
    ("schedule", {"local_time": 1}, "schedule.local_time", "is neither true nor false"),
    ("schedule", {"scattering": {"max_spread": 80}}, "schedule.scattering.factor", "it is missing"),
    ("schedule", {"scattering": {"max_spread": 101, "factor": 5}}, "schedule.scattering.max_spread", "is not a number"),
    *(("budget", value, "budget", "it has to be a JSON object") for value in NO_OBJECTS),
    ("budget", {"error": 5}, "budget.error", "there is no such key"),
    ("budget", {"errors": -1}, "budget.errors", "is not a whole number"),
    ("budget", {"errors": {"after": 5}}, "budget.errors", "it has neither count nor share"),
    ("budget", {"errors": {"share": 5}}, "budget.errors.share", "is not a number from 0 to 1"),
    ("budget", {"canary": {}}, "budget.canary.first", "it is missing"),
    ("budget", {"canary": {"first": 0}}, "budget.canary.first", "is not a whole number"),
]  # fmt: skip
OF_A_JOB: list[tuple[str, Any, str, str]] = [
    ("stop_at", "infinity", "stop_at", "is no moment"),
    ("stop_at", "2020-01-01", "stop_at", "is not after run_at"),
    ("schedule", {"scattering": {"max_spread": 80, "factor": 75}}, "schedule.scattering", "there is no end"),
    ("priority", 100_000, "priority", "is out of range"),
    ("priority", -100_000, "priority", "is out of range"),
]
OF_A_TASK = [row for row in EVERYWHERE + OF_A_JOB if row[0] != "stop_at" and row[1] is not None]
STATE = """
select jsonb_build_array(
  (select jsonb_agg(to_jsonb(j) order by j.id) from xmp_jobs j),
  (select jsonb_agg(to_jsonb(t) order by t.name) from xmp_job_types t),
  (select jsonb_agg(to_jsonb(t) order by t.id) from pgjobs.tasks t),
  (select jsonb_agg(to_jsonb(p) order by p.task_id) from pgjobs.task_progress p),
  (select jsonb_agg(to_jsonb(p) order by p.job_id, p.shard) from pgjobs.shards p),
  (select count(*) from pgjobs.events))
"""
INSERT_JOB = "insert into xmp_jobs (type, {}) values ('expired', %s)"
INSERT_TYPE = "insert into xmp_job_types (name, {}) values ('new', %s)"
INSERT_TASK = (
    "insert into pgjobs.tasks (type, repeating, {})"
    """ values ('expired', '{{"pattern": {{"time": "02:30", "daily": {{}}}}}}', %s)"""
)
UPDATE_JOB, UPDATE_TASK = "update xmp_jobs set {} = %s", "update pgjobs.tasks set {} = %s"
UPDATE_TYPE = "update xmp_job_types set {} = %s where name = 'expired'"
CALLS = {
    INSERT_JOB: EVERYWHERE + OF_A_JOB,
    UPDATE_JOB: EVERYWHERE + OF_A_JOB,
    INSERT_TYPE: EVERYWHERE,
    UPDATE_TYPE: EVERYWHERE,
    INSERT_TASK: OF_A_TASK,
    UPDATE_TASK: OF_A_TASK,
}


def refused(db: Db, call: str, column: str, value: object) -> Diagnostic:
    """What the database says of a value, and that nothing has changed."""
    before = db.value(STATE)
    given = value if value is None or column in ("rate", "max_backlog", "priority", "stop_at") else Jsonb(value)
    said = db.refusal(call.format(column), given)
    assert db.value(STATE) == before
    return said


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call.split()[:3]))
def test_what_can_not_be_right_is_refused_with_field_and_remedy(db: Db, call: str) -> None:
    """Each bad value is one sentence with its field and a remedy, when a row is inserted and when it is changed; no row
    of any table is another one afterwards."""
    insert_job(db, run_at="2100-01-01")
    db.execute(INSERT_TASK.format("name").encode(), ("daily",))
    for column, value, field, words in CALLS[call]:
        said = refused(db, call, column, value)
        found = (said.sqlstate, said.constraint_name, said.column_name)
        assert ("PJ400", f"bad_{column}", field) == found, (value, said.message_primary)
        sentence = said.message_primary or ""
        assert sentence.startswith(f"{field}: "), (value, sentence)
        assert words in sentence, (value, sentence)
        assert said.message_hint, value


@pytest.mark.parametrize("call", [INSERT_JOB, UPDATE_JOB], ids=["insert", "update"])
def test_a_backlog_of_a_queue_that_nobody_knows_is_refused(db: Db, call: str) -> None:
    """A job of a type that publishes to an exchange has no max_backlog before the type says whose length counts; a type
    with a max_backlog names the queue itself."""
    db.execute("update xmp_job_types set exchange = 'events' where name = 'expired'")
    insert_job(db)
    said = refused(db, call, "max_backlog", 100)
    assert ("PJ400", "bad_max_backlog", "max_backlog") == (said.sqlstate, said.constraint_name, said.column_name)
    assert "set queue of this type" in (said.message_hint or "")
    said = refused(db, UPDATE_TYPE, "max_backlog", 100)
    assert ("PJ400", "bad_queue", "queue") == (said.sqlstate, said.constraint_name, said.column_name)
    db.execute("update xmp_job_types set queue = 'a' where name = 'expired'")
    db.execute(call.format("max_backlog").encode(), (100,))


def test_null_means_without_a_limit_or_is_refused(db: Db) -> None:
    """rate, max_backlog and stop_at are null without a limit, and a new job whose priority is null has the usual
    one; schedule and budget of a task are empty then; all else is refused, and the sentence says what to write."""
    job = insert_job(db, rate=None, max_backlog=None, stop_at=None, priority=None)
    read = "select rate, max_backlog, stop_at, priority from xmp_jobs where id = %s"
    assert db.row(read, job) == (None, None, None, 5)
    said = refused(db, UPDATE_JOB, "priority", None)
    assert ("bad_priority", "priority: it is null") == (said.constraint_name, said.message_primary)
    assert "give 5" in (said.message_hint or "")
    for column in ("schedule", "budget"):
        said = refused(db, UPDATE_JOB, column, None)
        assert ("bad_" + column, f"{column}: it has to be a JSON object") == (
            said.constraint_name,
            said.message_primary,
        )
    for column in ("rate", "max_backlog"):
        db.execute(UPDATE_TYPE.format(column).encode(), (None,))
    for column in ("rate", "max_backlog", "schedule", "budget"):
        db.execute(INSERT_TASK.format(column).encode(), (None,))
    rows = db.execute("select rate, max_backlog, schedule, budget from pgjobs.tasks").fetchall()
    assert [(None, None, {}, {})] * 4 == rows


def test_a_task_gives_its_pace_to_its_jobs(db: Db) -> None:
    """The job that waits for the next occasion has rate, max_backlog, schedule and budget of its task, and gets them
    anew when they change there."""
    window, canary = {"window": NINE}, {"canary": {"first": 5}}
    task = db.value(
        "insert into pgjobs.tasks (type, repeating, rate, max_backlog, schedule, budget)"
        " values ('expired', %s, 5, 100, %s, %s) returning id",
        DAILY, Jsonb(window), Jsonb(canary),
    )  # fmt: skip
    read = "select rate, max_backlog, schedule, budget from xmp_jobs where task_id = %s"
    assert db.row(read, task) == (5, 100, window, canary)
    db.execute("update pgjobs.tasks set rate = null, max_backlog = 7, schedule = '{}' where id = %s", (task,))
    assert db.row(read, task) == (None, 7, {}, canary)
