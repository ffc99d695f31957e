"""The web process and its database: connections kept for changes, errors, readiness, and the access log."""

import asyncio

import httpx
import pytest
from fix_jobs import Db, job_in
from fix_services import soon
from fix_web import Web

from pgjobs.ops.tokens import make_token
from pgjobs.settings import read_settings
from pgjobs.web import health, pool
from pgjobs.web.pool import READING_CONNECTIONS

READING = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'pgjobs web'"
    " and wait_event = 'advisory'"
)


def replace_by(db: Db, function: str, body: str) -> None:
    """Give a function of the engine another body."""
    definition = db.value("select pg_get_functiondef(%s::regproc)", f"pgjobs.{function}")
    head = definition[: definition.index("AS $function$")]
    db.execute(f"{head} AS $function${body}$function$".encode())


def refuse_stops(db: Db, error: str) -> None:
    """A trigger of a DBA's own that refuses every stop."""
    db.execute(
        "create function public.no_stop() returns trigger language plpgsql as $$ begin"
        f" if new.status = 'canceled' then {error}; end if; return new; end $$".encode()
    )
    db.execute("create trigger a_no_stop before update on xmp_jobs for each row execute function public.no_stop()")


def test_readers_leave_connections_for_a_stop(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """While twenty clients read a list that is not answered yet, every stop is answered with 200."""
    for patience in ("CONNECT_SECONDS", "QUEUE_SECONDS"):
        monkeypatch.setattr(pool, patience, 60)
    jobs = [job_in(db, "ready") for _ in range(8)]
    replace_by(db, "list_jobs", "begin perform pg_advisory_xact_lock_shared(4711); return '[]'; end")
    db.execute("select pg_advisory_lock(4711)")

    async def send_all(client: httpx.AsyncClient) -> list[int]:
        readers = [asyncio.create_task(client.get("/jobs?limit=1000")) for _ in range(20)]
        assert await asyncio.to_thread(soon, lambda: db.value(READING) == READING_CONNECTIONS)
        stops = await asyncio.gather(*(client.get(f"/jobs/stop?id={job}") for job in jobs))
        assert READING_CONNECTIONS == db.value(READING)
        db.execute("select pg_advisory_unlock(4711)")
        await asyncio.gather(*readers)
        return [stop.status_code for stop in stops]

    assert [200] * 8 == web.within(send_all)


@pytest.mark.parametrize(
    "path",
    ["/jobs", "/", "/api/v1/clients/", "/pig/2.0/sub/x/template/y", "/north/v80/operation/jobs/7", "/readyz"],
)
def test_every_door_says_when_to_come_again(path: str) -> None:
    """Where the database is away the answer of each door is 503 with Retry-After."""
    with Web(read_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing")) as web:
        answer = web.get(path)
        assert (503, "5") == (answer.status_code, answer.headers.get("retry-after")), answer.text


def test_settings_of_the_database_make_no_difference(web: Web, db: Db) -> None:
    """With another DateStyle set on the database every request is answered all the same."""
    name = db.value("select current_database()")
    db.execute(f"alter database {name} set datestyle = 'German, DMY'".encode())
    job = job_in(db, "ready")
    paths = ["/jobs", "/jobs/status", f"/jobs/status?id={job}", "/metrics"] * 3
    assert [200] * len(paths) == [web.get(path).status_code for path in paths]


def test_requests_succeed_again_after_a_read_only_phase(web: Web, db: Db) -> None:
    """While the database is read-only a stop is 503; afterwards the next stop succeeds, over new connections."""
    job = job_in(db, "ready")
    assert 200 == web.get("/jobs").status_code
    raised = "begin raise exception using errcode = '25006', message = 'in a read-only transaction'; end"
    original = db.value("select pg_get_functiondef('pgjobs.stop_job'::regproc)")
    replace_by(db, "stop_job", raised)
    pids = "select pid from pg_stat_activity where datname = current_database() and application_name = 'pgjobs web'"
    before = db.column(pids)
    answer = web.get(f"/jobs/stop?id={job}")
    assert (503, "read_only") == (answer.status_code, answer.json()["code"])
    db.execute(original.encode())
    assert 200 == web.get(f"/jobs/stop?id={job}").status_code
    # A backend is to be seen until it has ended.
    assert soon(lambda: not set(before) & set(db.column(pids)))


@pytest.mark.parametrize(
    ("error", "sentence", "hint"),
    [
        ("raise exception 'not during the audit' using hint = 'ask Anna'", "not during the audit", "ask Anna"),
        ("raise exception using errcode = 'ZZ123', message = 'house rule 7'", "house rule 7", "ask its owner"),
        ("raise check_violation using message = 'never on Sundays'", "never on Sundays", "ask its owner"),
        ("perform 1 / 0", "division by zero", "ask its owner"),
    ],
)
def test_the_refusal_of_another_trigger_is_passed_on(web: Web, db: Db, error: str, sentence: str, hint: str) -> None:
    """A trigger added to xmp_jobs that refuses a stop is a 409 with its own sentence, and the job stays as it is."""
    job = job_in(db, "ready")
    refuse_stops(db, error)
    answer = web.get(f"/jobs/stop?id={job}")
    assert (409, "refused_by_database", sentence) == (
        answer.status_code,
        answer.json()["code"],
        answer.json()["error"],
    )
    assert answer.json()["hint"].endswith(hint)
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)


def test_an_error_while_reading_is_an_internal_failure(web: Web, db: Db, caplog: pytest.LogCaptureFixture) -> None:
    """An error of a computation in a query that only reads is no refusal: 500, and one line in the log."""
    replace_by(db, "list_jobs", "begin perform 1 / 0; return '[]'; end")
    assert (500, "internal") == ((answer := web.get("/jobs")).status_code, answer.json()["code"])
    said = [record.getMessage() for record in caplog.records if "22012" in record.getMessage()]
    assert [True] == ["\n" not in line for line in said]


def test_a_missing_right_is_named(web_url: str, db: Db) -> None:
    """If the role of the web process lacks a right, the answer names it; once it is granted, the request succeeds."""
    job = job_in(db, "ready")
    db.execute("revoke execute on function pgjobs.stop_job from pgjobs_web")
    with Web(read_settings(database_url=web_url)) as web:
        answer = web.get(f"/jobs/stop?id={job}")
        assert (503, "missing_right") == (answer.status_code, answer.json()["code"])
        assert "stop_job" in answer.json()["error"]
        assert "pgjobs_web (web)" in answer.json()["hint"]
        db.execute("grant execute on function pgjobs.stop_job to pgjobs_web")
        assert 200 == web.get(f"/jobs/stop?id={job}").status_code


def test_an_unknown_api_request_is_refused(db: Db) -> None:
    """api_response of a number that no request has is PJ404."""
    assert ("PJ404", "unknown_call") == (
        (diag := db.refusal("select pgjobs.api_response(4711)")).sqlstate,
        diag.constraint_name,
    )


def test_api_says_that_the_daemons_are_busy(impatient_web: Web, db: Db) -> None:
    """If a daemon is alive, a request that none has claimed is answered as busy, not with the hint to start one."""
    db.execute("select pgjobs.beat(gen_random_uuid(), 'd', 'here', 1, '0', '', '[]')")
    answer = impatient_web.get("/api")
    assert (503, "daemons_busy") == (answer.status_code, answer.json()["code"])
    assert "busy with other calls" in answer.json()["error"]


def test_api_is_held_with_everything_else(web: Web, db: Db) -> None:
    """While everything is held a call of /api is refused with the reason, nothing is stored, and no daemon takes a call
    that waits; released, it is taken."""
    call = db.value("select pgjobs.request_suspended(1, 1, interval '1 hour')")
    db.execute("select pgjobs.hold_all('a look at the prices')")
    answer = web.get("/api")
    assert (503, "held") == (answer.status_code, answer.json()["code"])
    assert "a look at the prices" in answer.json()["error"]
    take = "select id from pgjobs.claim_api_request(gen_random_uuid(), interval '1 min')"
    assert [call] == db.column("select id from pgjobs.api_requests")
    assert [] == db.column(take)
    db.execute("select pgjobs.release_all()")
    assert [call] == db.column(take)


def test_readiness_knows_the_database(web: Web, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    """/readyz is 200 where changes can be made, and 503 with the reason where the schema is for later versions."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0)
    db.execute("update pgjobs.schema_state set version = '99.1', compatible_from = '99.0'")
    assert (503, "schema") == ((answer := web.get("/readyz")).status_code, answer.json()["code"])
    db.execute("update pgjobs.schema_state set compatible_from = '0.1'")
    assert (200, {"ok": True}) == ((answer := web.get("/readyz")).status_code, answer.json())


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("usage on schema pgjobs", "permission denied for schema pgjobs"),
        ("select on pgjobs.schema_state", "permission denied for table schema_state"),
        ("execute on function pgjobs.stop_job", "no right to execute on function pgjobs.stop_job(bigint,text)"),
        ("execute on function pgjobs.lacking_rights", "permission denied for function lacking_rights"),
    ],
)
def test_readiness_needs_the_rights_of_the_web_process(
    web: Web, db: Db, right: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/readyz is 503 with the right that is missing and the role to grant, and 200 again once it is there."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0)
    assert 200 == web.get("/readyz").status_code
    db.execute(f"revoke {right} from pgjobs_web".encode())
    answer = web.get("/readyz")
    assert (503, "missing_right") == (answer.status_code, answer.json()["code"])
    assert f"the role of pgjobs web lacks a right: {words}" == answer.json()["error"]
    assert "pgjobs_web (web)" in answer.json()["hint"]
    db.execute(f"grant {right} to pgjobs_web".encode())
    assert 200 == web.get("/readyz").status_code


def test_readiness_asks_the_database_once_a_second(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests ask for readiness, the database is asked once per CHECK_SECONDS."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 3600)
    queries = 0
    rows = web.app.state.database.rows

    async def counting(*args: object, **options: bool) -> object:
        nonlocal queries
        queries += 1
        return await rows(*args, **options)

    monkeypatch.setattr(web.app.state.database, "rows", counting)
    assert [200] * 20 == [web.get("/readyz").status_code for _ in range(20)]
    assert 1 == queries


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and text of the lines of the access log."""
    return [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "pgjobs.web.access"]


def test_each_change_is_one_line(guarded_web: Web, db: Db, caplog: pytest.LogCaptureFixture) -> None:
    """A change is logged with what, who, from where and the answer; a failed one as a warning, a read at DEBUG."""
    caplog.set_level("DEBUG", "pgjobs.web.access")
    token, digest = make_token()
    db.execute("select pgjobs.add_token('cms-1', %s, '{control}', null)", (digest,))
    headers = {"Authorization": f"Bearer {token}"}
    job = job_in(db, "ready")
    guarded_web.get(f"/jobs/stop?id={job}", headers=headers)
    guarded_web.post("/jobs/stop", data={"id": str(job)}, headers=headers)
    guarded_web.get("/jobs/stop?id=1%0AINFO%20forged", headers=headers)
    guarded_web.get("/jobs?limit=5", headers=headers)
    guarded_web.get(f"/jobs/stop?id={job}")
    assert [
        ("INFO", f"GET /jobs/stop id={job} by token cms-1 from 127.0.0.1: 200"),
        ("WARNING", f"POST /jobs/stop id={job} by token cms-1 from 127.0.0.1: 409 illegal_transition"),
        ("WARNING", 'GET /jobs/stop id="1\\nINFO forged" by token cms-1 from 127.0.0.1: 400 bad_id'),
        ("DEBUG", "GET /jobs limit=5 by token cms-1 from 127.0.0.1: 200"),
        ("WARNING", "GET /jobs/stop from 127.0.0.1: 401 no_token"),
    ] == lines(caplog)
    assert token not in caplog.text


def test_a_read_over_a_connection_that_was_lost_is_asked_again(web: Web, db: Db) -> None:
    """The connection of a read that is not checked before may be gone: the read is answered all the same."""
    ended = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = current_database() and application_name = 'pgjobs web'"
    )
    assert [200, 200] == [web.get("/jobs").status_code for _ in range(2)]
    for _ in range(5):
        assert db.value(ended) > 0
        assert 200 == web.get("/jobs").status_code
