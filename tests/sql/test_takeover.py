"""An operator's database is taken over as it is: nothing of it is lost or rewritten, and its jobs run."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from fix_daemon import Engine
from fix_database import create_database, drop_database
from fix_jobs import (
    WORKER,
    Db,
    Notifications,
    claim,
    connect,
    insert_job,
    outcome,
    prepare,
    read_lines,
    records,
    set_status,
)
from fix_page_list import page, shown
from fix_predecessor import SHAPES, rows
from fix_services import soon
from fix_web import Web

from pgjobs.lab.roles import member_url
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate
from pgjobs.settings import read_settings

CONTENTS = """
  select c.relname::text, a.attname::text,
    format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
      || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname like 'xmp%'
"""


@pytest.fixture(scope="module", params=sorted(SHAPES))
def predecessor(services: Services, request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """A database of the predecessor, taken over: its name, and what it held before. Its server keeps Riga's
    time."""
    name = f"pgjobs_{request.param.replace(' ', '_')}_{uuid.uuid4().hex[:12]}"
    url = create_database(services.database_url, name)
    with connect(services.database_url) as admin:
        admin.execute(f"alter database {name} set timezone = 'Europe/Riga'".encode())
    try:
        with connect(url) as db:
            db.execute(SHAPES[request.param].encode())
            db.execute(rows(request.param).encode())
            before = contents(db)
        done = migrate(url)
        assert 1 < len(done)
        yield name, before
    finally:
        drop_database(services.database_url, name)


@pytest.fixture
def old(services: Services, predecessor: tuple[str, Any]) -> Iterator[Db]:
    """A connection to a copy of the database that was taken over, in a session of Riga."""
    name = f"pgjobs_test_{uuid.uuid4().hex[:12]}"
    try:
        url = create_database(services.database_url, name, predecessor[0])
        with connect(url, timezone="Europe/Riga") as connection:
            yield connection
    finally:
        drop_database(services.database_url, name)


def contents(db: Db) -> tuple[dict[tuple[str, str], str], dict[str, list[Any]]]:
    """Columns with type and default, and rows of the operator's tables."""
    columns = {(table, column): kind for table, column, kind in db.execute(CONTENTS.encode()).fetchall()}
    rows: dict[str, list[Any]] = {}
    for table in {table for table, _ in columns}:
        rows[table] = db.column(f"select to_jsonb(t) from {table} t order by 1")  # noqa: S608 - names of the catalogue
    return columns, rows


def url_of(db: Db) -> str:
    """Where a connection goes, for a second one."""
    info = db.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def seconds_from_now(db: Db, seconds: int) -> datetime:
    """A moment in UTC as the predecessor's columns want it: without a zone."""
    moment = db.value("select clock_timestamp() at time zone 'UTC' + make_interval(secs => %s)", seconds)
    assert isinstance(moment, datetime)
    return moment


def new_job(db: Db, kind: str = "expired", /, **columns: object) -> int:
    """A job that is due, written as the operator's CMS writes it."""
    return insert_job(db, kind, id_user=5, **({"run_at": seconds_from_now(db, -1)} | columns))


def stop_what_is_there(db: Db) -> None:
    """Leave the predecessor's own unfinished job out of the way."""
    db.execute("update xmp_jobs set status = 'canceled' where status = 'in progress'")


def test_nothing_is_lost_or_rewritten(old: Db, predecessor: tuple[str, Any]) -> None:
    """Every column of the operator's tables keeps its type and default and every row its values; only
    columns are added."""
    columns_before, rows_before = predecessor[1]
    columns, rows = contents(old)
    assert columns_before == {key: kind for key, kind in columns.items() if key in columns_before}
    for (table, column), kind in columns.items():
        if table in rows_before and (table, column) not in columns_before:
            # The operator's programs insert without knowing of it.
            assert " default " in kind or " not null" not in kind
    for table, before in rows_before.items():
        known = {column for name, column in columns_before if name == table}
        kept = [{key: value for key, value in row.items() if key in known} for row in rows[table]]
        if table == "xmp_job_types":
            kept.remove({"name": "mailing"})  # the type that a door adds
        assert sorted(map(str, before)) == sorted(map(str, kept))


def test_taking_over_twice_does_nothing(old: Db) -> None:
    """A second migrate finds nothing to do and changes no row and no column."""
    before = contents(old)
    assert [] == migrate(url_of(old))
    assert before == contents(old)


def test_the_end_of_old_jobs_is_kept(old: Db) -> None:
    """finish_at says when an old job ended, its finished_at read as UTC; 1970, which meant not yet, becomes
    empty."""
    rows = old.execute("select status::text, finish_at from xmp_jobs order by id").fetchall()
    assert [
        ("done", datetime(2017, 2, 1, 10, 39, 20, tzinfo=UTC)),
        ("in progress", None),
        ("canceled", datetime(2017, 2, 3, 11, tzinfo=UTC)),
        ("error", None),
        ("canceled", None),
    ] == rows


def test_old_jobs_have_the_usual_priority(old: Db) -> None:
    """What the predecessor knew nothing of is as for any other job: none of its jobs comes before or after new ones."""
    assert {5} == set(old.column("select priority from xmp_jobs"))


def test_both_ends_are_written(old: Db) -> None:
    """The operator's programs go on reading finished_at: it gets the same moment in UTC, and 1970 again when
    a job is resumed."""
    job = new_job(old)
    old.execute("set pgjobs.now = '2017-03-01 12:00:00+02'")
    read = "select finish_at, finished_at from xmp_jobs where id = %s"
    set_status(old, job, "canceled")
    assert (datetime(2017, 3, 1, 10, tzinfo=UTC), datetime(2017, 3, 1, 10)) == old.row(read, job)  # noqa: DTZ001 - the column has no zone
    set_status(old, job, "ready")
    assert (None, datetime(1970, 1, 1)) == old.row(read, job)  # noqa: DTZ001 - the column has no zone


def test_what_the_predecessor_left_running_is_not_claimed(old: Db) -> None:
    """A job that was in progress is not taken up, for nobody knows how far it had come, and why says what to
    do; done so, it runs."""
    call = "select * from pgjobs.claim_shards(%s, '{}', true, interval '30 s')"
    assert [] == old.column(call, WORKER)
    why = old.value("select why from pgjobs.job_status where id = 2")
    words = "it was in progress before this service took over: set it to canceled or error in SQL"
    assert f'{words}, then run "pgjobs resume 2"' == why
    set_status(old, 2, "error")
    said = old.refusal("update xmp_jobs set status = 'ready' where id = 2")
    assert ("bad_skip", "set skip to 0 and give params.offset") == (said.constraint_name, said.message_hint)
    old.execute("update xmp_jobs set skip = 0, params = '{\"offset\": 1}', status = 'ready' where id = 2")
    claim(old, 2)


def test_old_params_are_checked_when_a_job_is_resumed(old: Db) -> None:
    """An old job with a parameter nobody knows stays as it is, and is refused with its name when somebody
    resumes it."""
    old.execute("update xmp_jobs set skip = 0 where id = 3")
    said = old.refusal("update xmp_jobs set status = 'ready' where id = 3")
    assert ("PJ400", "unknown") == (said.sqlstate, said.column_name)


def test_an_expired_job_runs(old: Db) -> None:
    """Inserted, notified, claimed, prepared, read and finished: with UTC times in every body though
    server and session are Riga's."""
    notifications = Notifications(url_of(old))
    stop_what_is_there(old)
    notifications.received()
    job = new_job(old, params={"never": 1, "date_from": "2017-01-31T23:00:00Z", "date_to": "2017-02-01T02:30:00Z"})
    assert [{"id": job, "status": "ready"}] == notifications.received()
    notifications.connection.close()
    claimed = claim(old, job, shard=0, epoch=1, type="expired", routing_key="mobilink_requests", dry_run=False)
    prepare(old, claimed)
    read = records(old, job)
    assert [(2, None), (4, None), (5, None), (6, None), (7, None), (8, None)] == [(key, why) for key, _, why, _ in read]
    assert "923000002" == read[0][1]
    assert {
        "attempts_count": 10, "type": "expired", "msisdn": "923000002", "tid": "t2", "operator_code": 41001,
        "country_code": 92, "service_code": "290", "campaign_id": "355", "subscription_id": 7002, "retry_id": 2,
        "created_at": "2017-01-31T23:00:00Z", "last_pay_attempt_at": "2017-02-01T10:31:44Z", "price": 499,
        "retry_days": 10, "delay_hours": 24,
    } == read[0][3]  # fmt: skip
    assert "done" == old.value("select pgjobs.finish_shard(%s, 0, 1)", job)
    assert ("done", 100) == old.row("select status, percent from pgjobs.job_status where id = %s", job)
    assert "done" == old.value("select pgjobs.show_job(%s)", job)["status"]


@pytest.mark.parametrize(("last_charge_at", "left"), [("2017-02-01T00:29:59Z", False), ("2017-02-01T00:30:00Z", True)])
def test_the_last_charge_is_judged_in_utc(old: Db, last_charge_at: str, left: bool) -> None:
    """A payment half an hour after midnight UTC counts as that, whatever zone the session and the server
    have."""
    job = new_job(old, params={"last_charge_at": last_charge_at})
    assert left == any(key == 3 for key, _ in outcome(old, job))


def test_an_injection_job_runs(old: Db) -> None:
    """A job of a file is claimed as one, and its lines become bodies with the price of the service and the
    type's defaults."""
    stop_what_is_there(old)
    set_status(old, 5, "ready")
    claimed = claim(old, 5, type="injection", needs_file=True, file_name="20170205.csv")
    read_lines(old, 5, "923000000001", "923000000077")
    prepare(old, claimed)
    (_, _, none, body), (_, _, blacklisted, _) = records(old, 5)
    assert (None, "Blacklisted") == (none, blacklisted)
    tid = body.pop("tid")
    assert tid.startswith("1486285200-")
    assert {
        "attempts_count": 10, "type": "injection", "msisdn": "923000000001", "operator_code": 41001, "country_code": 92,
        "service_code": "290", "price": 4.5,
    } == body  # fmt: skip


def test_a_call_for_suspended_subscriptions_runs(old: Db) -> None:
    """A call of /api reads the operator's subscriptions by their age in UTC; empty values stay out of the
    messages."""
    old.execute("set pgjobs.now = '2017-02-01 11:15Z'")
    call = old.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
    with old.transaction():
        old.execute("select pgjobs.open_api_request(%s)", (call,))
        rows = old.execute("fetch all from records").fetchall()
    ((key, target, code, _, body),) = rows
    assert (1, "923000001", None) == (key, target, code)
    event = json.loads(body)["event_data"]
    assert event.pop("last_pay_attempt_at").endswith("Z")
    assert {
        "msisdn": "923000001", "subscription_id": 1, "created_at": "2017-02-01T10:00:00Z", "price": 499,
        "retry_days": 10, "delay_hours": 1,
    } == event  # fmt: skip


def test_run_at_is_utc(old: Db) -> None:
    """A run_at an hour ahead in UTC is not due, though Riga's clock is past it, and why says when it is;
    start_job makes it due."""
    stop_what_is_there(old)
    run_at = seconds_from_now(old, 3600)
    job = new_job(old, run_at=run_at)
    assert [] == old.column("select job_id from pgjobs.claim_shards(%s, '{}', true, interval '30 s')", WORKER)
    assert 3590 < old.value("select pgjobs.next_wakeup(true)") <= 3600
    assert f"it waits for its run_at {run_at:%Y-%m-%dT%H:%M:%SZ}" == old.value("select pgjobs.why(%s)", job)
    shown = old.value("select pgjobs.start_job(%s)", job)
    assert (
        abs(datetime.fromisoformat(shown["run_at"]).timestamp() - old.value("select extract(epoch from now())::float8"))
        < 60
    )
    claim(old, job)


def test_every_door_of_sql_works(old: Db) -> None:
    """Start, stop, resume, show, list, running jobs, metrics, gauges and the sweep work on the operator's
    types as they are."""
    job = new_job(old, run_at=seconds_from_now(old, 3600))
    assert "ready" == old.value("select pgjobs.start_job(%s)", job)["status"]
    assert "canceled" == old.value("select pgjobs.stop_job(%s)", job)["status"]
    assert "ready" == old.value("select pgjobs.resume_job(%s)", job)["status"]
    stop_what_is_there(old)
    claimed = claim(old, job)
    assert [job] == [shown["id"] for shown in old.value("select pgjobs.running_jobs()")]
    for status, kind in ((None, None), ("in progress", None), (None, "expired"), ("in progress", "expired")):
        listed = old.value("select pgjobs.list_jobs(%s, %s, 10, null)", status, kind)
        assert job == listed[0]["id"]
    every: list[dict[str, object]] = [
        {}, {"sort": "oldest"}, {"sort": "started"}, {"created_from": "2016-01-01"}, {"created_to": "2036-01-01"},
        {"type": "expired"}, {"status": "Creating"}, {"type": "expired", "status": "Creating"}, {"user": 5},
    ]  # fmt: skip
    for asked in every:
        assert job in shown(page(old, **asked)), asked
    assert old.column("select name from pgjobs.metrics() where name = 'pgjobs_jobs'")
    assert old.value("select pgjobs.refresh_gauges(0, interval '1 minute')") is True
    assert 1 == old.value("select value from pgjobs.gauges where name = 'pending_retries_count'")
    old.value("select pgjobs.release_shard(%s, 0, %s, true, true)", job, claimed["epoch"])
    assert "ready" == old.value("select status::text from xmp_jobs where id = %s", job)
    claimed = claim(old, job)
    old.value("select pgjobs.fail_job(%s, 0, %s, true, 'file', 'the file is missing')", job, claimed["epoch"])
    words = f'it broke off: the file is missing; mend that, then run "pgjobs resume {job}"'
    assert ("error", words) == old.row("select status, why from pgjobs.job_status where id = %s", job)
    old.value("select pgjobs.sweep()")
    assert 1 == old.run("delete from xmp_jobs where id = %s", job)


def test_the_status_may_be_a_variable(old: Db) -> None:
    """A statement of the operator's that sets the status from a value of its own works; the other spelling,
    where the column can hold it."""
    job = new_job(old)
    old.execute("update xmp_jobs set status = %s where id = %s", ("canceled", job))
    other = new_job(old)
    if not old.value(
        "select typtype <> 'e' or exists (select from pg_enum where enumtypid = t.oid and enumlabel = 'cancelled')"
        " from pg_type t where oid = (select atttypid from pg_attribute"
        " where attrelid = 'xmp_jobs'::regclass and attname = 'status')"
    ):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            set_status(old, other, "cancelled")
    else:
        set_status(old, other, "cancelled")
        assert "canceled" == old.value("select status from xmp_jobs where id = %s", other)


def test_unknown_words_are_refused_like_anywhere(old: Db) -> None:
    """Illegal transitions and started jobs meet the same refusals on the operator's own types."""
    assert "PJ409" == old.refusal("update xmp_jobs set status = 'ready' where id = 1").sqlstate
    assert "PJ404" == old.refusal("select pgjobs.start_job(999)").sqlstate
    job = new_job(old)
    set_status(old, job, "in progress")
    assert "started" == old.refusal("update xmp_jobs set params = '{\"count\": 1}' where id = %s", job).constraint_name
    assert "running" == old.refusal("delete from xmp_jobs where id = %s", job).constraint_name


def test_nothing_is_missing(old: Db) -> None:
    """Every column that a message needs is found, under whichever of its names."""
    assert [] == old.execute("select * from pgjobs.missing_columns()").fetchall()


def test_what_no_column_holds_is_left_out(old: Db) -> None:
    """A column that is nowhere is named before any job runs, and left out of the messages; a job that selects by it
    is refused with the key."""
    stop_what_is_there(old)
    for table in ("xmp_retries_expired", "xmp_subscriptions"):
        for column in ("keep_days", "retry_days", "delay_hours", "price", "tid", "last_pay_attempt_at", "id_campaign"):
            old.execute(f"alter table {table} drop column if exists {column} cascade".encode())
    old.execute("alter table xmp_subscriptions drop column publisher")
    missing = old.execute("select * from pgjobs.missing_columns()").fetchall()
    assert ("xmp_retries_expired", "keep_days or retry_days", "messages have no retry_days") in missing
    assert ("xmp_subscriptions", "publisher", "messages have no publisher") in missing
    assert 13 == len(missing)
    job = new_job(old, params={"count": 1})
    prepare(old, claim(old, job))
    ((_, _, _, body),) = records(old, job, limit="1")
    assert {
        "attempts_count": 10, "type": "expired", "msisdn": "923000001", "operator_code": 41001, "country_code": 92,
        "service_code": "290", "subscription_id": 7001, "retry_id": 1, "created_at": "2017-01-31T22:30:00Z",
    } == body  # fmt: skip
    call = old.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
    with old.transaction():
        old.execute("select pgjobs.open_api_request(%s)", (call,))
        (row,) = old.execute("fetch all from records").fetchall()
    assert {"msisdn": "923000001", "subscription_id": 1, "created_at": "2017-02-01T10:00:00Z"} == json.loads(row[4])[
        "event_data"
    ]
    job = new_job(old, params={"campaign_id": 355})
    said = old.refusal("select pgjobs.selection_bounds(%s, false)", job)
    assert "params.campaign_id: xmp_retries_expired has no column id_campaign to select by" == said.message_primary


def test_words_that_an_enum_lacks(old: Db) -> None:
    """Of the words that are looked for, those that the operator's enum lacks are not asked for; a status that no job
    could become is named."""
    old.execute("create type word as enum ('failed', 'paid')")
    old.execute("create table spoken (said word, free text)")
    call = "select pgjobs.known_words('public.spoken', %s, '{paid,retry_paid}')"
    assert ["'paid'", "'paid', 'retry_paid'"] == [old.value(call, "said"), old.value(call, "free")]
    assert old.value("select pgjobs.known_words('public.spoken', 'said', '{sms}')") is None
    if old.value("select pg_typeof(status)::text from xmp_jobs limit 1") == "job_status":
        old.execute("delete from pg_enum where enumlabel = 'error' and enumtypid = 'job_status'::regtype")
        assert [("xmp_jobs", "status", "its enum has no value 'error', so no job can become that")] == old.execute(
            "select * from pgjobs.missing_columns()"
        ).fetchall()


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_a_daemon_runs_jobs_of_the_predecessor(engine: Engine, empty_database: str, shape: str) -> None:
    """On a database of any shape a daemon runs an expired job and an injection to their ends, with all messages; a
    job is stopped in either spelling that its column knows."""
    with connect(empty_database) as db:
        db.execute(SHAPES[shape].encode())
        db.execute(rows(shape).encode())
        migrate(empty_database)
        stop_what_is_there(db)
        db.execute("update xmp_job_types set routing_key = %s", (engine.queue,))
        engine.add_file("20170205.csv", b"923000000001\n923000000077\n")
        engine.database_url = empty_database
        held = new_job(db, run_at=seconds_from_now(db, 3600))
        set_status(db, held, "canceled" if shape == "enums" else "cancelled")
        assert "canceled" == db.value("select status::text from xmp_jobs where id = %s", held)
        job = new_job(db)
        set_status(db, 5, "ready")
        engine.start()
        done = "select count(*) from xmp_jobs where status = 'done' and id in (5, %s)"
        assert soon(lambda: 2 == db.value(done, job), 60), db.column("select pgjobs.why(id) from xmp_jobs")
    events = [message.event for message in engine.drain()]
    assert {"expired": 8, "injection": 1} == Counter(event["type"] for event in events)
    assert {10} == {event["retry_days"] for event in events if event["type"] == "expired"}


def test_an_empty_database_gets_the_plain_shape(empty_database: str) -> None:
    """A database without any of the tables gets all of them, with 64-bit ids and time zones, and a job can
    be claimed at once."""
    migrate(empty_database)
    with connect(empty_database, timezone="Europe/Riga") as db:
        types = dict(
            db.execute(
                "select a.attname::text, format_type(a.atttypid, null) from pg_attribute a"
                " where a.attrelid = 'xmp_jobs'::regclass and a.attnum > 0"
            ).fetchall()
        )
        assert {
            "id": "bigint",
            "created_at": "timestamp with time zone",
            "finish_at": "timestamp with time zone",
        }.items() <= types.items()
        db.execute("insert into xmp_retries_expired (msisdn, created_at) values ('923000000001', '2017-02-01 10:00Z')")
        job = insert_job(db)
        prepare(db, claim(db, job))
        ((key, target, error, body),) = records(db, job)
        assert (1, "923000000001", None) == (key, target, error)
        assert "2017-02-01T10:00:00Z" == body["created_at"]


def test_an_index_that_broke_off_is_built_anew(empty_database: str) -> None:
    """An invalid index, as a broken-off takeover leaves it, is not taken for done by the next one."""
    migrate(empty_database)
    with connect(empty_database) as db:
        db.execute("update pg_index set indisvalid = false where indexrelid = 'pgjobs_expired_msisdn_id_idx'::regclass")
        assert ["index pgjobs_expired_msisdn_id_idx"] == migrate(empty_database)
        valid = "select indisvalid from pg_index where indexrelid = 'pgjobs_expired_msisdn_id_idx'::regclass"
        assert db.value(valid) is True


def test_a_task_makes_jobs_in_it(old: Db) -> None:
    """A task makes its jobs in the operator's own table, whose moments have no zone and whose numbers come from a
    sequence of its own, and each is started, ended and followed by the next one."""
    old.execute("set pgjobs.now = '2026-11-26T09:00Z'")
    old.execute(
        "insert into pgjobs.tasks (type, params, repeating)"
        """ values ('expired', '{"count": 5}', '{"pattern": {"time": "10:00+02:00", "daily": {}}}')"""
    )
    for day in (27, 28):
        job, run_at, params = old.row("select id, run_at, params from xmp_jobs where task_id = 1 and status = 'ready'")
        assert (datetime(2026, 11, day, 8), {"count": 5}) == (run_at, params)  # noqa: DTZ001 - a column without zone
        set_status(old, job, "in progress")
    assert [] == old.execute(b"select * from pgjobs.missing_rights()").fetchall()


def test_the_door_of_the_cms_writes_the_columns_that_are_there(old: Db) -> None:
    """Whatever types its columns have, a job is created and changed by HTTP: moments without a zone are UTC, a wrong
    word of an enum and a column that is needed are a 400."""
    with Web(read_settings(database_url=member_url(url_of(old), "pgjobs_web"))) as web:
        given = {"type": "expired", "id_user": 5, "run_at": "2099-06-01T12:00:00+05:00"}
        made = web.post("/jobs", json=given)
        assert (201, "2099-06-01T07:00:00+00:00") == (made.status_code, made.json()["run_at"])
        job = made.json()["id"]
        assert "2099-06-01 07:00:00" == old.value("select run_at::text from xmp_jobs where id = %s", job)
        changes = {"run_at": "2099-06-02T08:00:00+05:00", "status": "canceled"}
        changed = web.call("PATCH", f"/jobs/{job}", json=changes)
        assert (200, "canceled") == (changed.status_code, changed.json()["status"])
        assert "2099-06-02 03:00:00" == old.value("select run_at::text from xmp_jobs where id = %s", job)
        for wrong in ({"type": "nothing"}, {"status": "nothing"}, {"file_name": "x" * 128}):
            assert 400 == web.post("/jobs", json=given | wrong).status_code, wrong
            assert 400 == web.call("PATCH", f"/jobs/{job}", json=wrong).status_code, wrong
        missing = web.post("/jobs", json={"type": "expired"})
        assert (400, "id_user: it is missing") == (missing.status_code, missing.json()["error"])
        nothing = web.call("PATCH", f"/jobs/{job}", json={"id_user": None})
        assert (400, "id_user: it is null") == (nothing.status_code, nothing.json()["error"])
