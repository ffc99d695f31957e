"""Local time: the window of a job counts in the zone of each recipient, by shards of one zone each."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_daemon import Engine
from fix_jobs import Db, claim, insert_job, prepare

from pgjobs.joblog.verify import examine

EXAMPLE = re.compile(r"^```sql\n(create table public\.people .*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (Path(__file__).parents[2] / "sql" / "README.md").read_text()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NINE = {"start": "09:00", "stop": "15:00"}


def make_greeting(db: Any, queue: str = "greetings") -> None:
    """The type that sql/README.md shows."""
    (example,) = EXAMPLE.findall(PAGE)
    db.execute(example.replace("'greetings'", f"'{queue}'").encode())


def add_people(db: Any, *zones: str | None) -> None:
    """One person for each zone."""
    for zone in zones:
        db.execute(b"insert into public.people select coalesce(max(id), 0) + 1, '923', %s from public.people", (zone,))


def clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def cut(db: Db, **columns: object) -> tuple[int, list[dict[str, Any]]]:
    """A job of that type whose shards are all claimed: its number, and they in order."""
    job = insert_job(db, "greeting", **columns)
    shards = [claim(db, job)]
    prepare(db, shards[0])
    parts = db.value("select parts from pgjobs.shards where job_id = %s and shard = 0", job)
    return job, shards + [claim(db, job) for _ in range(1, parts)]


def zones(db: Db, job: int) -> list[tuple[str | None, list[int]]]:
    """The zone of each shard, and its keys as its cursor gives them."""
    found = []
    call = "select shard, zone, after_key, end_key, epoch from pgjobs.shards where job_id = %s order by shard"
    for shard, zone, after, end, epoch in db.execute(call.encode(), (job,)).fetchall():
        with db.transaction():
            others = db.value("select zones from pgjobs.shard_position(%s, %s, %s)", job, shard, epoch)
            db.execute("select pgjobs.open_records(%s, %s, %s, %s, %s)", (job, shard, after, end, others))
            cursor = db.execute("fetch all from records")
            assert [column.name for column in cursor.description or ()] == ["key", "target", "code", "detail", "body"]
            found.append((zone, [row[0] for row in cursor.fetchall()]))
    return found


def verdicts(db: Db, shards: list[dict[str, Any]]) -> list[tuple[str, timedelta | None]]:
    """What each shard is told when it asks for a record."""
    call = "select verdict, pause from pgjobs.grant_records(%s, %s, %s, 10)"
    return [db.row(call, shard["job_id"], shard["shard"], shard["epoch"]) for shard in shards]


def test_each_record_lies_in_the_shard_of_its_zone(db: Db) -> None:
    """There is one shard for each known zone; the one of UTC has all records that no other one has, those too whose
    zone turned up later."""
    make_greeting(db)
    add_people(db, "Europe/Madrid", None, "+05:30", "CEST", "", "America/Lima", "UTC", "Europe/Madrid")
    job, _ = cut(db, shards=3)
    add_people(db, "Asia/Tokyo")
    others = [("+05:30", [3]), ("America/Lima", [6]), ("Europe/Madrid", [1, 8])]
    assert zones(db, job) == [("UTC", [2, 4, 5, 7]), *others]
    db.execute("update pgjobs.shards set end_key = null")
    assert zones(db, job) == [("UTC", [2, 4, 5, 7, 9]), *others]


def test_records_of_zones_may_have_routing_keys(db: Db) -> None:
    """What a selector that knows zones gives as the routing key of a record is read with it."""
    make_greeting(db)
    text = db.value("select pg_get_functiondef('public.greeting_records'::regproc)")
    db.execute(text.replace("p.zone\n", "'to ' || p.id as routing_key, p.zone\n").encode())
    add_people(db, "Europe/Madrid", None)
    job, _ = cut(db)
    for zone, others in ((0, ["UTC", "Europe/Madrid"]), (1, ["Europe/Madrid"])):
        with db.transaction():
            db.execute("select pgjobs.open_records(%s, %s, null, null, %s)", (job, zone, others))
            cursor = db.execute("fetch all from records")
            assert "routing_key" == [column.name for column in cursor.description or ()].pop()
            assert [f"to {row[0]}" for row in cursor.fetchall()] == ["to 2"] if zone == 0 else ["to 1"]


def test_the_window_is_judged_in_the_zone_of_the_shard(db: Db) -> None:
    """At noon in UTC it is past three in India, seven in Lima and one in Madrid: each shard waits for its own nine
    o'clock, or goes."""
    make_greeting(db)
    clock(db, NOON)
    add_people(db, "+05:30", "America/Lima", "Europe/Madrid")
    _, shards = cut(db, run_at=NOON)
    hour = timedelta(hours=1)
    assert verdicts(db, shards) == [("go", None), ("wait", 15.5 * hour), ("wait", 2 * hour), ("go", None)]
    clock(db, NOON + 2 * hour)
    assert [verdict for verdict, _ in verdicts(db, shards)] == ["go", "wait", "go", "wait"]
    reason = db.value("select reason from pgjobs.grant_records(%s, 1, %s, 1)", *list(shards[1].values())[0:3:2])
    assert reason == "its window is closed until 2026-03-03T03:30:00Z for recipients in +05:30"


def test_without_local_time_nothing_is_cut_by_zone(db: Db) -> None:
    """A job of such a type that does not ask for it is cut by ranges, and has all zones in each."""
    make_greeting(db)
    add_people(db, "Europe/Madrid", None, "+05:30", "UTC")
    job, shards = cut(db, shards=2, schedule='{"local_time": false}')
    assert len(shards) == 2
    assert zones(db, job) == [(None, [1, 2]), (None, [3, 4])]
    assert db.value("select sum(estimate) from pgjobs.shards") == 4


def test_there_may_be_64_zones(db: Db) -> None:
    """One zone more, UTC included, and the job can't be measured; the sentence says what to do."""
    make_greeting(db)
    add_people(db, *(f"+{hours:02}:{minutes:02}" for hours in range(1, 10) for minutes in range(0, 49, 8)))
    job, shards = cut(db)
    assert len(shards) == 64
    add_people(db, "-01:00")
    said = db.refusal("select pgjobs.measure_selection(%s)", job)
    assert (said.column_name, said.message_primary) == (
        "schedule.local_time",
        "schedule.local_time: the records have more than 64 zones",
    )


NIGHTLY = """{"pattern": {"time": "02:30", "daily": {}}}"""


@pytest.mark.parametrize(
    ("type_", "schedule", "said"),
    [
        ("expired", {"local_time": True, "window": NINE}, "no function pgjobs.expired_records_zones(bigint)"),
        ("plain", {"local_time": True}, "there is no window"),
        ("greeting", {"scattering": {"max_spread": 1, "factor": 0}, "stop_after": "1 h"}, "has one window for all"),
    ],
)
def test_what_could_not_be_obeyed_is_refused(db: Db, type_: str, schedule: dict[str, Any], said: str) -> None:
    """Without zones or without a window local_time is refused when it is written, of jobs, of types and of tasks."""
    make_greeting(db)
    db.execute(
        "insert into xmp_job_types (name, selector, routing_key) values ('plain', 'public.greeting_records', 'q')"
    )
    text = json.dumps(schedule)
    refusals = [
        db.refusal("insert into xmp_jobs (type, schedule) values (%s, %s)", type_, text),
        db.refusal("update xmp_job_types set schedule = schedule || %s where name = %s", text, type_),
        db.refusal("insert into pgjobs.tasks (type, schedule, repeating) values (%s, %s, %s)", type_, text, NIGHTLY),
    ]
    for refusal, table in zip(refusals, ("xmp_jobs", "xmp_job_types", "tasks"), strict=True):
        assert ("PJ400", "schedule.local_time", table) == (refusal.sqlstate, refusal.column_name, refusal.table_name)
        assert said in (refusal.message_primary or "")
        assert "leave" in (refusal.message_hint or "")


def test_a_job_with_count_has_one_shard(db: Db) -> None:
    """What is sent at most is counted by one shard: such a job can't have local_time, whichever of both comes later."""
    make_greeting(db)
    add_people(db, "UTC", "+02:00")
    db.execute("update xmp_job_types set params = '{count}' where name = 'greeting'")
    insert_job(db, "greeting", schedule='{"stop_after": "1 h"}')
    for statement in (
        """insert into xmp_jobs (type, params, stop_at) values ('greeting', '{"count": 1}', now() + interval '1 h')""",
        """update xmp_jobs set params = '{"count": 1}'""",
    ):
        assert db.refusal(statement).column_name == "schedule.local_time"
    unchecked = insert_job(db, "greeting", params={"count": 1})
    said = db.refusal("select pgjobs.measure_selection(%s)", unchecked)
    assert said.column_name == "schedule.local_time"
    assert "leave out count" in (said.message_hint or "")


def test_a_tracked_type_whose_zones_are_no_ranges_has_one_window_for_all(db: Db) -> None:
    """Items have no zone of their own: local_time is refused in one sentence, of the type, of its jobs and tasks."""
    make_greeting(db)
    local = json.dumps({"local_time": True, "window": NINE})
    refusals = [db.refusal("update xmp_job_types set tracked = true where name = 'greeting'")]
    db.execute("update xmp_job_types set tracked = true, schedule = '{}' where name = 'greeting'")
    refusals += [
        db.refusal("insert into xmp_jobs (type, schedule) values ('greeting', %s)", local),
        db.refusal("insert into pgjobs.tasks (type, schedule, repeating) values ('greeting', %s, %s)", local, NIGHTLY),
    ]
    for refusal, table in zip(refusals, ("xmp_job_types", "xmp_jobs", "tasks"), strict=True):
        assert ("PJ400", "schedule.local_time", table) == (refusal.sqlstate, refusal.column_name, refusal.table_name)
        assert "tracked, and there is no function public.greeting_records_zone_ranges" in (
            refusal.message_primary or ""
        )
        assert "leave local_time out" in (refusal.message_hint or "")


def test_a_job_that_has_started_keeps_its_zones(db: Db) -> None:
    """It is cut by them: neither the job nor its type may change local_time then."""
    make_greeting(db)
    add_people(db, "UTC")
    job, _ = cut(db)
    switch = """set schedule = schedule || '{"local_time": false}'"""
    for statement in (f"update xmp_jobs {switch}", f"update xmp_job_types {switch} where name = 'greeting'"):
        assert db.refusal(statement).sqlstate == "PJ409"
    db.execute("update xmp_jobs set schedule = %s where id = %s", (json.dumps({"window": NINE}), job))


def test_the_plan_is_of_all_zones(db: Db) -> None:
    """Before its start such a job has no plan, for nobody knows its zones; then it runs as long as one of them is open,
    and has a date only if it has a stop."""
    make_greeting(db)
    clock(db, NOON)
    add_people(db, "+05:30", "+02:00")
    waiting = insert_job(db, "greeting", run_at=NOON + timedelta(days=1))
    job, _ = cut(db, run_at=NOON)
    call = "select begins, ends, records, why_it_ends from pgjobs.plan(%s) order by begins limit 2"
    assert db.execute(call.encode(), (waiting,)).fetchall() == []
    tomorrow = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
    assert db.execute(call.encode(), (job,)).fetchall() == [
        (NOON, NOON.replace(hour=15), None, "its window closes"),
        (tomorrow, tomorrow.replace(hour=15, minute=0), None, "its window closes"),
    ]
    assert db.value("select pgjobs.eta(%s)", job) is None
    db.execute("update xmp_jobs set stop_at = %s where id = %s", (tomorrow.replace(hour=10), job))
    assert db.value("select pgjobs.eta(%s)", job) == tomorrow.replace(hour=10)


def test_recipients_wait_for_their_own_hours(engine: Engine) -> None:
    """People for whom it is the wrong hour get nothing while the others do; the shard of their zone is parked. When the
    window changes they get it, each once, and the log agrees."""
    make_greeting(engine.database, engine.queue)
    add_people(engine.database, *(["UTC", "+12:00", None] * 20))
    hour = datetime.now(UTC).hour
    window = {"start": f"{(hour - 2) % 24:02}:00", "stop": f"{(hour + 4) % 24:02}:00"}
    engine.start()
    job = engine.value(
        "insert into xmp_jobs (type, schedule) values ('greeting', %s) returning id", json.dumps({"window": window})
    )
    engine.wait_until("exists (select from pgjobs.shards where zone = 'UTC' and finished_at is not null)")
    engine.wait_until("exists (select from pgjobs.shards where zone = '+12:00' and owner is null and due_at > now())")
    assert engine.value("select sum(considered)::int from pgjobs.shards") == 40
    assert "for recipients in +12:00" in engine.value("select pgjobs.why(%s)", job)
    engine.execute("update xmp_jobs set schedule = %s", json.dumps({"window": {"start": "00:00", "stop": "00:00"}}))
    engine.wait_status(job, "done")
    sent = [message.key for message in engine.drain()]
    night = list(range(2, 61, 3))
    assert sent == [key for key in range(1, 61) if key not in night] + night
    assert sorted(line.key for line in engine.log_lines(job)) == list(range(1, 61))
    assert asyncio.run(examine(engine.database_url, job)).findings == []
