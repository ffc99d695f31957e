"""Who did it: the event of every change names the role that logged in, and on whose behalf it acted."""

from urllib.parse import urlsplit

import psycopg
import pytest
from fix_daemon import Engine
from fix_jobs import Db, connect, insert_job, job_in, set_status
from fix_roles import Login
from fix_web import Web

from pgjobs.ops.tokens import make_token

EVENTS = "select to_status, actor, role, application from pgjobs.job_events where job_id = %s order by id"


def events(db: Db, job: int) -> list[tuple[str | None, ...]]:
    """Status, actor, role and application of every event of a job."""
    return db.execute(EVENTS, (job,)).fetchall()


@pytest.fixture
def caller(db: Db, cms: Db) -> Db:
    """A CMS that may also call stop_job, and that is not trusted to act for somebody else."""
    role = cms.info.user
    db.execute(f"grant usage on schema pgjobs to {role}; grant execute on function pgjobs.stop_job to {role}".encode())
    return cms


@pytest.fixture
def token(db: Db) -> dict[str, str]:
    """The header of a caller that has the token `cms-1`."""
    secret, digest = make_token()
    db.execute("select pgjobs.add_token('cms-1', %s, '{control}', null)", (digest,))
    return {"Authorization": f"Bearer {secret}"}


def test_changes_by_http_name_the_token(guarded_web: Web, web_url: str, db: Db, token: dict[str, str]) -> None:
    """Stop, resume and start of a job are recorded with the name of the token and the role of the web process."""
    job = job_in(db, "ready")
    for verb in ("stop", "resume", "start"):
        assert 200 == guarded_web.get(f"/jobs/{verb}?id={job}", headers=token).status_code
    role = urlsplit(web_url).username
    assert [
        ("canceled", "token cms-1", role, "pgjobs web"),
        ("ready", "token cms-1", role, "pgjobs web"),
        (None, "token cms-1", role, "pgjobs web"),
    ] == events(db, job)[1:]


def test_changes_by_http_without_tokens_name_the_address(impatient_web: Web, web_url: str, db: Db) -> None:
    """Where no token is asked for, the actor is the address that the request came from, for /api as well."""
    job = job_in(db, "ready")
    impatient_web.get(f"/jobs/stop?id={job}")
    impatient_web.get("/api")
    role = urlsplit(web_url).username
    assert ("canceled", "http from 127.0.0.1", role, "pgjobs web") == events(db, job)[-1]
    assert ("http from 127.0.0.1", role, "pgjobs web") == db.row(
        "select actor, role, application from pgjobs.api_requests"
    )


def test_api_requests_name_the_token(guarded_web: Web, db: Db, token: dict[str, str]) -> None:
    """A call of /api keeps the token it came with; a refused one leaves no row."""
    db.execute(
        "create function public.close_at_once() returns trigger language plpgsql as"
        " $$ begin new.owner := gen_random_uuid(); new.closed_at := now(); new.published := 3; return new; end $$"
    )
    db.execute(
        "create trigger close_at_once before insert on pgjobs.api_requests"
        " for each row execute function public.close_at_once()"
    )
    assert "3" == guarded_web.get("/api", headers=token).text
    assert ["token cms-1"] == db.column("select actor from pgjobs.api_requests")


def test_the_transitions_of_a_daemon_name_it(engine: Engine) -> None:
    """What a daemon does to a job is recorded under the daemon's name."""
    engine.start(daemon_name="night shift")
    engine.add_retries(3)
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    found = engine.rows("select to_status, actor from pgjobs.job_events where job_id = %s order by id", job)
    assert [("ready", None), ("in progress", "daemon night shift"), ("done", "daemon night shift")] == [
        (event["to_status"], event["actor"]) for event in found
    ]


def test_a_session_of_its_own_acts_for_itself(db: Db, database: str) -> None:
    """In psql, by table or by function, there is no actor: role and application are who did it."""
    with connect(database, application_name="psql") as dba:
        job = insert_job(dba)
        dba.execute("select pgjobs.stop_job(%s)", (job,))
        role = db.value("select session_user")
        assert [("ready", None, role, "psql"), ("canceled", None, role, "psql")] == events(db, job)


def test_an_actor_holds_for_one_call(db: Db) -> None:
    """What a trusted session does in the same transaction after a call for somebody else is its own again."""
    job = job_in(db, "ready")
    with db.transaction():
        db.execute("select pgjobs.stop_job(%s, 'token cms-1')", (job,))
        set_status(db, job, "ready")
        db.execute("set local pgjobs.actor = 'daemon here'")
        db.execute("select pgjobs.start_job(%s, 'token cms-2')", (job,))
        set_status(db, job, "canceled")
    assert [None, "token cms-1", None, "token cms-2", "daemon here"] == [event[1] for event in events(db, job)]


def test_an_ordinary_role_forges_no_actor(db: Db, caller: Db) -> None:
    """The setting of a role that is not trusted is ignored, and its own name stands in every event: of an insert, of a
    change of the time, of a stop by table and by function, of a deletion."""
    caller.execute("set pgjobs.actor = 'token boss'")
    job = insert_job(caller)
    caller.execute("update xmp_jobs set run_at = now() + interval '1 hour' where id = %s", (job,))
    set_status(caller, job, "canceled")
    set_status(caller, job, "ready")
    caller.execute("select pgjobs.stop_job(%s)", (job,))
    caller.execute("delete from xmp_jobs where id = %s", (job,))
    name = caller.info.user
    assert ["ready", None, "canceled", "ready", "canceled", None] == [event[0] for event in events(db, job)]
    assert {(None, name, "the-caller")} == {event[1:] for event in events(db, job)}


def test_an_ordinary_role_is_refused_when_it_names_an_actor(db: Db, caller: Db) -> None:
    """An actor given as an argument by a role that is not trusted is refused with a sentence, and nothing is done."""
    job = insert_job(caller)
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        caller.execute("select pgjobs.stop_job(%s, 'token boss')", (job,))
    diag = caught.value.diag
    assert ("untrusted_actor", "actor") == (diag.constraint_name, diag.column_name)
    assert f"actor: role {caller.info.user} can't act in the name of somebody else" == diag.message_primary
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)


def test_an_operator_acts_in_the_own_name_only(db: Db, login: Login) -> None:
    """Who may stop jobs may not do it in the name of somebody else, be it a caller of HTTP or a daemon."""
    operator = login("pgjobs_operator")
    job = job_in(db, "ready")
    operator.execute("set pgjobs.actor = 'daemon night shift'")
    for actor in ("token cms-1", "daemon night shift"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            operator.execute("select pgjobs.stop_job(%s, %s)", (job, actor))
    operator.execute("select pgjobs.stop_job(%s)", (job,))
    assert ("canceled", None, operator.info.user, "the-caller") == events(db, job)[-1]


def test_changes_that_are_no_transition_are_recorded(db: Db) -> None:
    """Who asked for a start, held a job back, released it, gave it another time or deleted it stands in its events."""
    job = insert_job(db, run_at="2100-01-01Z")
    db.execute("update xmp_jobs set active = false where id = %s", (job,))
    db.execute("update xmp_jobs set active = true, run_at = '2101-01-01Z' where id = %s", (job,))
    db.execute("set pgjobs.now = '2099-01-01Z'")
    set_status(db, job, "ready")
    db.execute("update xmp_jobs set status = 'in progress' where id = %s", (job,))
    db.execute("delete from xmp_jobs where id = %s", (job,))
    assert [
        (None, "ready", None),
        (None, None, "active = false"),
        (None, None, "active = true, run_at = 2101-01-01T00:00:00Z"),
        (None, None, "asked to start now, run_at = 2099-01-01T00:00:00Z"),
        ("ready", None, "deleted"),
    ] == db.execute("select from_status, to_status, reason from pgjobs.job_events order by id").fetchall()
