"""Who may do what: the CMS by its table alone, viewers and operators by their groups, strangers nothing."""

import psycopg
import pytest
from fix_jobs import Db, Notifications, insert_job, job_in, set_status
from fix_roles import Login

VIEWS = {
    "reply_fault_counts",
    "job_item_counts",
    "agent_status",
    "task_status",
    "job_status",
    "job_outcomes",
    "job_events",
    "job_uncertain",
    "job_logs",
}


def test_a_cms_needs_rights_on_its_table_alone(db: Db, cms: Db, notifications: Notifications) -> None:
    """With rights on xmp_jobs alone a CMS inserts, stops, resumes and deletes jobs: notified, recorded in its
    name, told back to it."""
    db.execute("select pgjobs.announce_callbacks(true)")
    job = insert_job(cms, params={"count": 5})
    set_status(cms, job, "cancelled")
    set_status(cms, job, "ready")
    cms.execute("update xmp_jobs set run_at = now() where id = %s", (job,))
    assert ["ready", "canceled", "ready", "ready"] == [said["status"] for said in notifications.received()]
    rows = db.execute("select from_status, to_status, role, application from pgjobs.job_events order by id").fetchall()
    name = cms.info.user
    assert [
        (None, "ready", name, "the-caller"),
        ("ready", "canceled", name, "the-caller"),
        ("canceled", "ready", name, "the-caller"),
        (None, None, name, "the-caller"),
    ] == rows
    assert ["cancelled"] == db.column("select status from pgjobs.callbacks")
    assert 1 == cms.run("delete from xmp_jobs where id = %s", job)


def test_a_cms_meets_the_same_refusals(cms: Db, db: Db) -> None:
    """What a CMS does wrong is refused with code and hint, not with a lack of rights."""
    assert "PJ400" == cms.refusal("insert into xmp_jobs (type) values ('nonsense')").sqlstate
    assert "PJ400" == cms.refusal("insert into xmp_jobs (type, params) values ('expired', '{\"count\": -1}')").sqlstate
    job = insert_job(cms)
    assert "PJ409" == cms.refusal("update xmp_jobs set status = 'done' where id = %s", job).sqlstate
    set_status(db, job, "in progress")
    assert "PJ409" == cms.refusal("delete from xmp_jobs where id = %s", job).sqlstate
    assert "PJ409" == cms.refusal("update xmp_jobs set params = '{\"count\": 1}' where id = %s", job).sqlstate


@pytest.mark.parametrize(
    "statement",
    [
        "select * from pgjobs.job_status",
        "select * from pgjobs.shards",
        "select pgjobs.start_job(1)",
        "select pgjobs.refuse('PJ400', 'a', 'b', 'c', 'd')",
        "select pgjobs.note_fingerprint('x')",
        "select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, interval '1 hour')",
        "update pgjobs.shards set epoch = 99",
        "create function pgjobs.mine() returns void language sql as ''",
        "create trigger mine before insert on xmp_jobs for each row execute function pgjobs.guard_job()",
        "alter table xmp_jobs disable trigger all",
        "truncate xmp_jobs",
        "set session_replication_role = replica",
    ],
)
def test_neither_cms_nor_stranger_gets_at_the_engine(cms: Db, login: Login, statement: str) -> None:
    """Nothing of the engine can be read, called, written or switched off by a CMS or a stranger."""
    for role in (cms, login()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(statement.encode())


@pytest.mark.parametrize("statement", ["select * from xmp_jobs", "insert into xmp_jobs (type) values ('expired')"])
def test_a_stranger_does_not_get_at_the_jobs(login: Login, statement: str) -> None:
    """A role without any grant can neither read nor write jobs."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        login().execute(statement.encode())


def test_a_viewer_sees_what_is_wrong_with_answers_and_not_what_they_say(db: Db, login: Login) -> None:
    """Useless answers are counted for people and monitoring by kind; their samples, and the bodies of items, are not
    for a viewer."""
    db.execute("select pgjobs.count_reply_fault('no_json', 'name and address', 3)")
    viewer = login("pgjobs_viewer")
    assert [("no_json", 3, "it is not JSON, or it is too large")] == (
        viewer.execute("select kind, n, meaning from pgjobs.reply_fault_counts").fetchall()
    )
    metric = "select labels, value from pgjobs.metrics() where name = 'pgjobs_reply_faults_total'"
    assert [({"kind": "no_json"}, 3.0)] == viewer.execute(metric).fetchall()
    for closed in ("reply_faults", "job_items", "item_bodies"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            viewer.execute(f"table pgjobs.{closed}".encode())


def test_a_viewer_sees_everything_and_moves_nothing(db: Db, login: Login) -> None:
    """A member of pgjobs_viewer reads every view and every report without rights on any table, and can start
    or stop nothing."""
    job = job_in(db, "in progress")
    viewer = login("pgjobs_viewer")
    for view in VIEWS:
        viewer.execute(f"table pgjobs.{view}".encode())
    assert "in progress" == viewer.value("select status from pgjobs.job_status where id = %s", job)
    assert "in progress" == viewer.value("select pgjobs.show_job(%s)", job)["status"]
    assert (
        1
        == len(viewer.value("select pgjobs.running_jobs()"))
        == len(viewer.value("select pgjobs.list_jobs(null, null, 10, null)"))
    )
    assert viewer.value("select pgjobs.why(%s)", job).startswith("no daemon is alive")
    assert "pgjobs_jobs" in viewer.column("select name from pgjobs.metrics()")
    assert "PJ404" == viewer.refusal("select pgjobs.show_job(99)").sqlstate
    for call in (
        *(f"{name}({job})" for name in ("start_job", "stop_job", "pause_job", "resume_job")),
        "hold_all('a look')",
        "release_all()",
        "request_suspended(1, 1, '1 s')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            viewer.execute(f"select pgjobs.{call}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        viewer.execute("select * from xmp_jobs")


def test_an_operator_steers(db: Db, login: Login) -> None:
    """A member of pgjobs_operator starts, stops, pauses and resumes jobs and asks for suspended MO, without rights
    on any table and recorded in its own name."""
    operator = login("pgjobs_operator")
    job = insert_job(db, run_at="2100-01-01Z")
    assert operator.value("select pgjobs.pause_job(%s)", job)["active"] is False
    assert operator.value("select pgjobs.resume_job(%s)", job)["active"] is True
    assert "ready" == operator.value("select pgjobs.start_job(%s)", job)["status"]
    assert "canceled" == operator.value("select pgjobs.stop_job(%s)", job)["status"]
    assert "ready" == operator.value("select pgjobs.resume_job(%s)", job)["status"]
    assert "PJ409" == operator.refusal("select pgjobs.resume_job(%s)", job).sqlstate
    assert "PJ404" == operator.refusal("select pgjobs.start_job(99)").sqlstate
    role = "select role from pgjobs.job_events where to_status = 'canceled'"
    assert operator.info.user == operator.value(role)
    call = operator.value("select pgjobs.request_suspended(10, 1, interval '1 minute')")
    assert operator.value("select pgjobs.api_response(%s)", call) is None
    for statement in (
        "select * from xmp_jobs",
        "select * from pgjobs.tokens",
        "select pgjobs.fail_job(1, 0, 1, true, '', '')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute(statement.encode())


def test_a_function_is_not_led_astray_by_its_caller(db: Db, login: Login) -> None:
    """A caller's own tables and functions, first in its search_path, are never what a function with its
    owner's rights finds."""
    db.execute("create schema trap")
    db.execute("grant usage, create on schema trap to pgjobs_operator")
    operator = login("pgjobs_operator")
    operator.execute(
        "create function trap.length(text) returns integer language plpgsql as 'begin raise ''trapped''; end';"
        "create function trap.lower(text) returns text language plpgsql as 'begin raise ''trapped''; end';"
        "create function trap.trapped(text, text) returns boolean language plpgsql as 'begin raise ''trapped''; end';"
        "create operator trap.= (leftarg = text, rightarg = text, function = trap.trapped);"
        "create temporary table xmp_jobs (id bigint, status text); insert into xmp_jobs values (1, 'done');"
        "create temporary table progress (job_id bigint);"
        "set search_path = trap, pg_temp, pg_catalog, public, pgjobs"
    )
    job = insert_job(db, params={"count": "5"})
    assert "canceled" == operator.value("select pgjobs.stop_job(%s)", job)["status"]
    assert "ready" == operator.value("select pgjobs.resume_job(%s)", job)["status"]
    assert 1 == len(operator.value("select pgjobs.list_jobs('ready', 'expired', 10, null)"))
    assert "PJ409" == operator.refusal("select pgjobs.resume_job(%s)", job).sqlstate
