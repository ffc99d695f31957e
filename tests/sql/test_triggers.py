"""The triggers of xmp_jobs as a contract: what was, what is written, what is then notified, kept or refused."""

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from fix_jobs import STATUSES, Db, Notifications, connect, insert_job, job_in, set_status
from model_states import LEGAL

ENDED = {"done": "done", "canceled": "cancelled", "error": "error"}
PAIRS = [(a, b) for a in STATUSES for b in STATUSES]
AT = datetime(2017, 2, 1, 10, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _somebody_is_called(db: Db) -> None:
    """The daemons have a callback address."""
    db.execute("select pgjobs.announce_callbacks(true)")


def callbacks(db: Db, job: int) -> list[str]:
    """What the CMS is to be called with about a job."""
    return db.column("select status from pgjobs.callbacks where job_id = %s order by id", job)


def events(db: Db, job: int) -> list[tuple[str | None, str]]:
    """The transitions of a job; what else happened to it has no status to go to."""
    transitions = (
        "select from_status, to_status from pgjobs.events where job_id = %s and to_status is not null order by id"
    )
    return db.execute(transitions, (job,)).fetchall()


@pytest.mark.parametrize(("before", "after"), [(a, b) for a, b in PAIRS if b in LEGAL[a]])
def test_a_legal_transition_is_notified_and_recorded(
    db: Db, notifications: Notifications, before: str, after: str
) -> None:
    """Every legal transition is stored, notified once with id and status, kept as an event, and told to the
    CMS if it ends the job."""
    job = job_in(db, before)
    notifications.received()
    events_before, callbacks_before = events(db, job), callbacks(db, job)
    db.execute("set pgjobs.now = '2017-02-01 10:30Z'")
    if after == "done":
        db.execute("update pgjobs.shards set finished_at = now()")
    set_status(db, job, after)
    assert after == db.value("select status from xmp_jobs where id = %s", job)
    assert [{"id": job, "status": after}] == notifications.received()
    assert [*events_before, (before, after)] == events(db, job)
    assert callbacks_before + ([ENDED[after]] if after in ENDED else []) == callbacks(db, job)
    finished = db.value("select finish_at from xmp_jobs where id = %s", job)
    assert (AT if after in ENDED else None) == finished


@pytest.mark.parametrize(("before", "after"), [(a, b) for a, b in PAIRS if a != b and b not in LEGAL[a]])
def test_an_illegal_transition_is_refused(db: Db, notifications: Notifications, before: str, after: str) -> None:
    """Every illegal transition is refused with a sentence that names both states and a hint with the legal
    ones; nothing changes and nothing is notified."""
    job = job_in(db, before)
    notifications.received()
    kept = db.row("select j::text from xmp_jobs j where id = %s", job), events(db, job), callbacks(db, job)
    said = db.refusal("update xmp_jobs set status = %s where id = %s", after, job)
    assert ("PJ409", "illegal_transition", "status") == (said.sqlstate, said.constraint_name, said.column_name)
    legal = ", ".join(LEGAL[before])
    next_ones = f"legal next: {legal}" if legal else "done is final"
    assert (
        f"job {job} is {'in error' if before == 'error' else before} and can't become {after}, {next_ones}"
        == said.message_primary
    )
    assert said.message_hint in {"start or stop it", "resume it, or cancel it for good", "insert a new job"}
    assert kept == (db.row("select j::text from xmp_jobs j where id = %s", job), events(db, job), callbacks(db, job))
    assert [] == notifications.received()


@pytest.mark.parametrize("status", STATUSES)
def test_writing_the_same_status_again_is_no_transition(db: Db, notifications: Notifications, status: str) -> None:
    """Setting the status a job already has changes nothing: no event, no notification, no second message to
    the CMS, the same finish_at."""
    job = job_in(db, status)
    notifications.received()
    kept = db.row("select j::text from xmp_jobs j where id = %s", job), events(db, job), callbacks(db, job)
    set_status(db, job, status)
    assert kept == (db.row("select j::text from xmp_jobs j where id = %s", job), events(db, job), callbacks(db, job))
    assert [] == notifications.received()


@pytest.mark.parametrize("status", ["ready", "canceled", "cancelled"])
def test_a_new_job_may_be_ready_or_held(db: Db, notifications: Notifications, status: str) -> None:
    """A job may be inserted as ready or canceled (either spelling): notified and recorded, but no end is told
    and finish_at is empty."""
    job = insert_job(db, status=status)
    stored = status.replace("cancelled", "canceled")
    assert (stored, None) == db.row("select status, finish_at from xmp_jobs where id = %s", job)
    assert [{"id": job, "status": stored}] == notifications.received()
    assert [(None, stored)] == events(db, job)
    assert [] == callbacks(db, job)


@pytest.mark.parametrize("status", ["in progress", "done", "error", "started", "READY", "", None])
def test_a_new_job_may_not_be_anything_else(db: Db, notifications: Notifications, status: str | None) -> None:
    """A job inserted in another status, known or unknown, is refused with the field and the remedy; no row,
    event or notification stays."""
    said = db.refusal("insert into xmp_jobs (type, status) values ('expired', %s)", status)
    assert ("PJ400", "bad_status", "status") == (said.sqlstate, said.constraint_name, said.column_name)
    assert (said.message_primary or "").startswith("status: ")
    assert said.message_hint
    assert (0, 0) == db.row("select (select count(*) from xmp_jobs), (select count(*) from pgjobs.events)")
    assert [] == notifications.received()


@pytest.mark.parametrize("before", STATUSES)
def test_an_unknown_status_is_refused_from_everywhere(db: Db, before: str) -> None:
    """An update to a status that does not exist names the known ones."""
    job = job_in(db, before)
    said = db.refusal("update xmp_jobs set status = 'paused' where id = %s", job)
    assert ("PJ400", "bad_status") == (said.sqlstate, said.constraint_name)
    assert "status: 'paused' is unknown" == said.message_primary
    assert "use ready, in progress, canceled, done or error" == said.message_hint


@pytest.mark.parametrize("before", ["ready", "in progress"])
def test_the_other_spelling_of_canceled(db: Db, notifications: Notifications, before: str) -> None:
    """'cancelled' is accepted and stored, notified and recorded as 'canceled'; the CMS is told 'cancelled',
    as its contract spells it."""
    job = job_in(db, before)
    notifications.received()
    set_status(db, job, "cancelled")
    assert "canceled" == db.value("select status from xmp_jobs where id = %s", job)
    assert [{"id": job, "status": "canceled"}] == notifications.received()
    assert (before, "canceled") == events(db, job)[-1]
    assert ["cancelled"] == callbacks(db, job)


@pytest.mark.parametrize(
    ("change", "notified"),
    [
        ("run_at = run_at + interval '1 hour'", True),
        ("active = not active", True),
        ("run_at = run_at", False),
        ("active = active", False),
        ("id_user = 7", False),
        ("created_at = created_at - interval '1 day'", False),
        ("start_asked = true", False),
        ("params = '{\"count\": 5}'", False),
        ("shards = 2", False),
        ("finish_at = null", False),
    ],
)
def test_only_status_run_at_and_active_are_notified(
    db: Db, notifications: Notifications, change: str, notified: bool
) -> None:
    """A change of run_at or active is notified, a change of any other column, or of none, is not; neither is
    a transition."""
    job = insert_job(db)
    notifications.received()
    assert 1 == db.run(f"update xmp_jobs set {change} where id = {job}")  # noqa: S608 - text of the test
    assert ([{"id": job, "status": "ready"}] if notified else []) == notifications.received()
    assert [(None, "ready")] == events(db, job)


def test_progress_is_never_notified(db: Db, notifications: Notifications) -> None:
    """What the engine keeps of a running job changes without a word to the listeners."""
    job = job_in(db, "in progress")
    notifications.received()
    assert 1 == db.run("update pgjobs.shards set considered = 5, sent = 5, after_key = 9 where job_id = %s", job)
    assert [] == notifications.received()


def test_the_mute_keeps_a_bulk_load_quiet(db: Db, notifications: Notifications) -> None:
    """With pgjobs.mute = on neither inserts nor updates are notified, while transitions are recorded all the
    same; off, they are notified again."""
    with db.transaction():
        db.execute("set local pgjobs.mute = 'on'")
        job = insert_job(db)
        set_status(db, job, "canceled")
        set_status(db, job, "ready")
        db.execute("update xmp_jobs set run_at = run_at + interval '1 hour'")
    assert [] == notifications.received()
    assert [(None, "ready"), ("ready", "canceled"), ("canceled", "ready")] == events(db, job)
    set_status(db, job, "canceled")
    assert [{"id": job, "status": "canceled"}] == notifications.received()


def test_the_bulk_load_of_the_page(db: Db, notifications: Notifications) -> None:
    """What sql/README.md shows of pgjobs.mute inserts ten jobs and notifies nobody; the next transaction does again."""
    page = Path(__file__).parents[2] / "sql" / "README.md"
    (shown,) = re.findall(
        r"^```sql\n(begin;\nset local pgjobs\.mute.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL
    )
    db.execute(shown.encode())
    assert 10 == db.value("select count(*) from pgjobs.job_events where to_status = 'ready'")
    assert [] == notifications.received()
    job = insert_job(db)
    assert [{"id": job, "status": "ready"}] == notifications.received()


def test_what_is_rolled_back_is_not_notified(db: Db, notifications: Notifications) -> None:
    """A transition of a transaction that is rolled back leaves no notification, no event and no message to
    the CMS."""
    job = insert_job(db)
    notifications.received()
    with db.transaction(force_rollback=True):
        set_status(db, job, "canceled")
    assert [] == notifications.received()
    assert ([(None, "ready")], []) == (events(db, job), callbacks(db, job))


def test_events_say_who_and_why(db: Db, database: str) -> None:
    """An event names the role that logged in, its application, the reason set for it and the time."""
    with connect(database, application_name="the-cms") as cms:
        cms.execute("set pgjobs.now = '2017-02-01 10:30Z'")
        job = insert_job(cms)
        cms.execute("set pgjobs.reason = 'the campaign is over'")
        set_status(cms, job, "canceled")
    kept = db.execute("select role, application, reason, at from pgjobs.job_events order by id").fetchall()
    role = db.value("select session_user")
    assert [(role, "the-cms", None, AT), (role, "the-cms", "the campaign is over", AT)] == kept


def test_a_resume_is_asked_for_and_runs_without_autostart(db: Db) -> None:
    """Made ready again by hand, moved to now, or started by function, a job counts as asked for; only
    inserted, it does not."""
    plain = insert_job(db)
    asked = "select start_asked from xmp_jobs where id = %s"
    assert db.value(asked, plain) is False
    db.execute("update xmp_jobs set run_at = now() + interval '1 day' where id = %s", (plain,))
    assert db.value(asked, plain) is False
    db.execute("update xmp_jobs set run_at = now() where id = %s", (plain,))
    assert db.value(asked, plain) is True
    for status in ("canceled", "error"):
        job = job_in(db, status)
        set_status(db, job, "ready")
        assert db.value(asked, job) is True
        set_status(db, job, "in progress")
        assert db.value(asked, job) is False


def test_done_needs_every_record_accounted_for(db: Db) -> None:
    """A job whose shard is not finished can't be set to done by hand."""
    job = job_in(db, "in progress")
    said = db.refusal("update xmp_jobs set status = 'done' where id = %s", job)
    assert ("PJ409", "unaccounted", "status") == (said.sqlstate, said.constraint_name, said.column_name)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("expired", "params = '{\"count\": 1}'"),
        ("expired", "type = 'injection', file_name = 'b.csv'"),
        ("injection", "file_name = 'b.csv'"),
        ("expired", "shards = 2"),
    ],
)
def test_what_a_job_does_is_fixed_once_it_has_started(db: Db, kind: str, change: str) -> None:
    """type, params, file_name and shards may change until the first start and never again, not even while the job is
    stopped."""
    job = insert_job(db, kind)
    for status in ("in progress", "canceled"):
        set_status(db, job, status)
        said = db.refusal(f"update xmp_jobs set {change} where id = {job}")  # noqa: S608 - text of the test
        assert ("PJ409", "started") == (said.sqlstate, said.constraint_name)
        assert "insert a new job" == said.message_hint
    fresh = insert_job(db, kind)
    assert 1 == db.run(f"update xmp_jobs set {change} where id = {fresh}")  # noqa: S608 - text of the test


@pytest.mark.parametrize("column", ["finish_at", "log_path"])
@pytest.mark.parametrize("status", STATUSES)
def test_columns_of_the_engine_are_not_written_by_hand(db: Db, status: str, column: str) -> None:
    """finish_at and log_path are refused when somebody inserts or changes them, in every state; written back as they
    are, they are accepted, and so is the path of a log that the engine has opened."""
    job = job_in(db, status)
    value = "'/somewhere'" if column == "log_path" else "'2017-02-01Z'"
    for statement in (
        f"insert into xmp_jobs (type, {column}) values ('expired', {value})",  # noqa: S608 - text of the test
        f"update xmp_jobs set {column} = {value} where id = {job}",  # noqa: S608 - text of the test
    ):
        said = db.refusal(statement)
        assert ("PJ400", "by_hand", column) == (said.sqlstate, said.constraint_name, said.column_name)
        assert f"leave {column} out" == said.message_hint
    assert 1 == db.run(f"update xmp_jobs set {column} = {column}, id_user = 8 where id = {job}")  # noqa: S608 - text of the test
    if column == "log_path":
        log = (
            "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path) values (%s, 0, 1, 1, 'h', %s)"
        )
        db.execute(log, (job, "/somewhere"))
        assert 1 == db.run("update xmp_jobs set log_path = '/somewhere' where id = %s", job)


@pytest.mark.parametrize(
    ("change", "code"),
    [("status = 'done'", "illegal_transition"), ("priority = 101", "bad_priority"), ("id = 700", "fixed")],
)
def test_a_log_path_brings_nothing_else_along(db: Db, change: str, code: str) -> None:
    """What is written together with the path of an open log is checked as everything else."""
    job = job_in(db, "ready")
    db.execute(
        "insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path) select i, 0, 1, 1, 'h', '/a'"
        " from unnest(array[%s, 700]) i",
        (job,),
    )
    assert code == db.refusal(f"update xmp_jobs set log_path = '/a', {change} where id = {job}").constraint_name  # noqa: S608 - text of the test


def test_a_running_job_is_paused_and_goes_on(db: Db) -> None:
    """active = false parks the shards of a running job and keeps its status, true makes the next one due again, as
    pause_job and resume_job do; the events tell it; on every other job it is accepted as well."""
    job = job_in(db, "in progress")
    state = (
        "select j.status = 'in progress', p.due_at is not null from xmp_jobs j join pgjobs.shards p on p.job_id = j.id"
        " where j.id = %s"
    )
    for pause, go_on in (
        ("update xmp_jobs set active = false where id = %s", "update xmp_jobs set active = true where id = %s"),
        ("select pgjobs.pause_job(%s)", "select pgjobs.resume_job(%s)"),
    ):
        db.execute(pause, (job,))
        assert (True, False) == db.row(state, job)
        words = f'it is paused: run "pgjobs resume {job}", or set active = true in SQL'
        assert words == db.value("select pgjobs.why(%s)", job)
        db.execute(go_on, (job,))
        assert (True, True) == db.row(state, job)
    remarks = "select reason from pgjobs.events where job_id = %s and reason like 'active%%' order by id"
    assert ["active = false", "active = true"] * 2 == db.column(remarks, job)
    for status in ("ready", "canceled", "error", "done"):
        assert 1 == db.run("update xmp_jobs set active = false where id = %s", job_in(db, status))


def test_in_progress_set_by_hand_is_a_wish_to_start(db: Db, notifications: Notifications) -> None:
    """Only a daemon sets a job in progress. Set by anybody else it does what start_job does: the job stays ready, is
    active and due at once, is notified, and no transition is recorded; from any other state it is refused."""
    job = insert_job(db, active=False, run_at=datetime(2040, 1, 1, tzinfo=UTC))
    notifications.received()
    db.execute("set pgjobs.now = '2030-02-01 10:30Z'")
    db.execute("update xmp_jobs set status = 'in progress' where id = %s", (job,))
    look = "select status, active, start_asked, run_at from xmp_jobs where id = %s"
    assert ("ready", True, True, datetime(2030, 2, 1, 10, 30, tzinfo=UTC)) == db.row(look, job)
    assert [{"id": job, "status": "ready"}] == notifications.received()
    assert [(None, "ready")] == events(db, job)
    assert (None, True, datetime(2030, 2, 1, 10, 30, tzinfo=UTC)) == db.row(
        "select started_at, asked, due_at from pgjobs.shards"
    )
    for status in ("canceled", "error", "done"):
        other = job_in(db, status)
        said = db.refusal("update xmp_jobs set status = 'in progress' where id = %s", other)
        assert "illegal_transition" == said.constraint_name


def test_nobody_passes_for_a_daemon(db: Db, database: str) -> None:
    """A CMS that makes the setting by which a daemon's claim is known is not believed: its job stays ready."""
    role = f"pgjobs_cms_{uuid.uuid4().hex[:12]}"
    job = insert_job(db)
    db.execute(f"create role {role} login password 'secret'".encode())
    try:
        db.execute(f"grant select, update on xmp_jobs to {role}".encode())
        url = urlsplit(database)
        address = f"{role}:secret@{url.hostname}:{url.port}"
        with connect(url._replace(netloc=address).geturl()) as cms, cms.transaction():
            cms.execute("select set_config('pgjobs.claims', %s, true)", (str(job),))
            cms.execute("update xmp_jobs set status = 'in progress' where id = %s", (job,))
        assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    finally:
        db.execute(f"drop owned by {role}".encode())
        db.execute(f"drop role {role}".encode())


def test_a_moment_of_a_row_that_is_older_than_the_rules(db: Db) -> None:
    """A legacy row whose run_at is no moment can be stopped and broken off, not started; a created_at that is none is
    refused when it is written."""
    for status in ("canceled", "error"):
        job = insert_job(db)
        with db.transaction():
            db.execute("set local session_replication_role = replica")
            db.execute("update xmp_jobs set run_at = '-infinity' where id = %s", (job,))
        for wish in ("in progress", "ready"):
            statement = "update xmp_jobs set status = %s, id_user = 5 where id = %s"
            if wish == "in progress":
                assert "bad_run_at" == db.refusal(statement, wish, job).constraint_name
            else:
                assert 1 == db.run(statement, wish, job)
        set_status(db, job, status)
        assert "bad_run_at" == db.refusal("update xmp_jobs set status = 'ready' where id = %s", job).constraint_name
        db.execute("update xmp_jobs set status = 'ready', run_at = now() where id = %s", (job,))
    said = db.refusal("insert into xmp_jobs (type, created_at) values ('expired', 'infinity')")
    assert "created_at: infinity is no moment" == said.message_primary


def test_null_is_not_given_or_refused_with_a_sentence(db: Db) -> None:
    """A new job with null for priority or file_name has the usual value; null elsewhere is refused in one sentence."""
    job = insert_job(db, priority=None, file_name=None)
    assert (5, "") == db.row("select priority, file_name from xmp_jobs where id = %s", job)
    for field in ("run_at", "active"):
        for statement in (
            f"insert into xmp_jobs (type, {field}) values ('expired', null)",  # noqa: S608 names of the test
            f"update xmp_jobs set {field} = null",  # noqa: S608 names of the test
        ):
            said = db.refusal(statement)
            assert (f"bad_{field}", f"{field}: it is null") == (said.constraint_name, said.message_primary)
    assert "bad_priority" == db.refusal("update xmp_jobs set priority = null").constraint_name


def test_a_job_keeps_its_number(db: Db) -> None:
    """The id, by which all that the engine keeps of a job is found, can't be changed."""
    job = insert_job(db)
    assert ("PJ409", "fixed") == (
        (said := db.refusal("update xmp_jobs set id = id + 1 where id = %s", job)).sqlstate,
        said.constraint_name,
    )


def test_ten_thousand_jobs_in_one_statement(db: Db, notifications: Notifications) -> None:
    """10,000 jobs inserted and then stopped by one statement each are all notified and recorded: a storm of
    notifications harms nobody."""
    db.execute(
        "insert into xmp_jobs (type, run_at) select 'expired', now() + interval '1 day' from generate_series(1, 10000)"
    )
    received = notifications.received()
    assert 10000 == len({said["id"] for said in received}) == len(received)
    assert 10000 == db.run("update xmp_jobs set status = 'canceled'")
    assert {"canceled"} == {said["status"] for said in notifications.received()}
    assert (20000, 10000) == db.row(
        "select (select count(*) from pgjobs.events), (select count(*) from pgjobs.callbacks)"
    )


def test_one_bad_row_refuses_the_whole_statement(db: Db, notifications: Notifications) -> None:
    """Nothing is half done: of a statement that inserts good jobs and a bad one, nothing stays and nothing
    is notified."""
    said = db.refusal(
        "insert into xmp_jobs (type, params) select 'expired', p::jsonb from unnest(%s::text[]) p",
        ["{}", '{"count": 1}', '{"count": -1}'],
    )
    assert "count" == said.column_name
    assert 0 == db.value("select count(*) from xmp_jobs")
    assert [] == notifications.received()


def test_two_sessions_meet_at_the_row(db: Db, database: str) -> None:
    """Of two sessions that end the same job, the second waits for the first and is then refused by what it
    finds, not by what it had seen."""
    job = job_in(db, "in progress")
    with connect(database) as other:
        with db.transaction():
            set_status(db, job, "canceled")
            other.execute("set lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                set_status(other, job, "error")
        said = other.refusal("update xmp_jobs set status = 'error' where id = %s", job)
        assert f"job {job} is canceled and can't become error, legal next: ready" == said.message_primary


def test_a_queue_of_skipped_lines_is_refused_not_ignored(db: Db) -> None:
    """A column skip of the predecessor that asks for something is refused with the parameter that does it
    now."""
    db.execute("alter table xmp_jobs add column skip integer not null default 0")
    said = db.refusal("insert into xmp_jobs (type, skip) values ('expired', 5)")
    assert ("PJ400", "bad_skip", "skip") == (said.sqlstate, said.constraint_name, said.column_name)
    assert "set skip to 0 and give params.offset" == said.message_hint
    job: Any = db.value("insert into xmp_jobs (type, skip) values ('expired', 0) returning id")
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
