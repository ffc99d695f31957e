"""The web process as it is run: its start, its end, and a database that comes and goes."""

import signal
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from fix_jobs import Db, connect, job_in
from fix_services import private_postgres, soon
from fix_web import WebProcess

from pgjobs.errors import SettingsError
from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.process import listening
from pgjobs.pg.migrate import migrate
from pgjobs.settings import read_settings
from pgjobs.web import serve


@pytest.fixture(scope="module")
def web_postgres() -> Iterator[EmbeddedPostgres]:
    """A migrated server of this module's own, which its tests stop and freeze."""
    with private_postgres() as server:
        migrate(server.url)
        yield server


@pytest.mark.parametrize("bind", ["0.0.0.0:50303", "192.0.2.1:50303", "[::]:50303", "example.com:50303"])
def test_an_open_address_needs_tokens_or_a_setting(bind: str) -> None:
    """An address that other machines reach needs tokens, or PGJOBS_HTTP_INSECURE."""
    with pytest.raises(SettingsError, match="is open to other machines and asks for no token") as caught:
        serve.run(read_settings(database_url="postgresql://nowhere/x", http_bind=bind))
    assert "PGJOBS_HTTP_AUTH" in caught.value.hint
    serve.check_bind(read_settings(http_bind=bind, http_auth=True))
    serve.check_bind(read_settings(http_bind=bind, http_insecure=True))


@pytest.mark.parametrize("bind", ["127.0.0.1:50303", "127.9.9.9:1", "[::1]:50303", "localhost:50303"])
def test_a_loopback_address_needs_no_token(bind: str) -> None:
    """Addresses that only this machine reaches need no token."""
    serve.check_bind(read_settings(http_bind=bind))


def test_a_missing_database_url_is_named(database: str) -> None:
    """Without PGJOBS_DATABASE_URL the process does not start, and names it."""
    assert database
    with pytest.raises(SettingsError, match="PGJOBS_DATABASE_URL is not set"):
        serve.run(read_settings(database_url=""))


def test_it_serves_and_ends_in_order(web_url: str, db: Db) -> None:
    """The command answers over TCP and ends with code 0 at SIGTERM."""
    job = job_in(db, "ready")
    with WebProcess(database_url=web_url) as web:
        assert job == web.client.get(f"/jobs/status?id={job}").json()["id"]
        assert 0 == web.end()
    assert "Traceback" not in "".join(web.log)


def test_a_running_request_is_finished_at_sigterm(web_url: str, db: Db) -> None:
    """After SIGTERM a running request is still answered: here the daemon's answer comes after the signal."""
    with WebProcess(database_url=web_url) as web:
        answers: list[httpx.Response] = []
        caller = threading.Thread(target=lambda: answers.append(web.client.get("/api")))
        caller.start()
        claim = (
            "select id, owner from pgjobs.claim_api_request(gen_random_uuid(), '30 s')"
            " join pgjobs.api_requests using (id)"
        )
        assert soon(lambda: len(db.column(claim)) == 1)
        web.process.send_signal(signal.SIGTERM)
        assert soon(lambda: not listening(web.client.base_url.port or 0))
        db.execute("select pgjobs.close_api_request(c.id, c.owner, 4, null) from pgjobs.api_requests c")
        caller.join(20)
        assert 0 == web.end()
    assert ["4"] == [answer.text for answer in answers]


def test_sighup_ends_it_as_sigterm_does(web_url: str) -> None:
    """When the terminal goes away, it ends in order with code 0."""
    with WebProcess(database_url=web_url) as web:
        assert 200 == web.client.get("/healthz").status_code
        web.process.send_signal(signal.SIGHUP)
        assert 0 == web.process.wait(20)


def test_a_port_that_is_taken_is_a_wrong_setting(web_url: str) -> None:
    """A second process on the same port ends at once with code 2 and a sentence that names the setting."""
    with WebProcess(database_url=web_url) as web:
        taken = f"127.0.0.1:{web.client.base_url.port}"
        second = WebProcess(database_url=web_url, http_bind=taken)
        _, said = second.process.communicate(timeout=30)
    assert 2 == second.process.returncode
    assert "PGJOBS_HTTP_BIND" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("update pgjobs.schema_state set version = '0.0.9'", "the database is of pgjobs 0.0.9, and this is pgjobs"),
        ("drop schema pgjobs cascade", "has no pgjobs schema"),
    ],
)
def test_another_schema_refuses_the_start(web_url: str, db: Db, change: str, sentence: str) -> None:
    """On a database of an older version, or one never migrated, it does not start and says what to run."""
    db.execute(change)
    web = WebProcess(database_url=web_url)
    _, said = web.process.communicate(timeout=30)
    assert 1 == web.process.returncode
    assert sentence in said
    assert "run: pgjobs migrate" in said


def timed(web: WebProcess) -> tuple[int, float]:
    """Status and seconds of a request that needs the database."""
    began = time.monotonic()
    return web.client.get("/jobs").status_code, time.monotonic() - began


def test_it_starts_without_a_database_and_recovers(web_postgres: EmbeddedPostgres) -> None:
    """Started before its database it says 503, serves when it comes, and again after every outage."""
    web_postgres.stop()
    with WebProcess(database_url=web_postgres.url) as web:
        for _ in range(2):
            status, _ = timed(web)
            answer = web.client.get("/jobs")
            assert (503, "database_away") == (status, answer.json()["code"])
            assert "the database does not answer" == answer.json()["error"]
            assert 200 == web.client.get("/healthz").status_code
            web_postgres.start()
            assert 200 == timed(web)[0]
            web_postgres.stop("immediate")
        web_postgres.start()
        assert 200 == timed(web)[0]
        assert 0 == web.end()
    assert "Traceback" not in "".join(web.log)


def test_a_frozen_database_is_soon_answered_as_away(web_postgres: EmbeddedPostgres) -> None:
    """While a server keeps its sockets open and does not respond, requests get 503; afterwards they succeed again."""
    with WebProcess(database_url=web_postgres.url) as web:
        assert 200 == timed(web)[0]
        assert web_postgres.pid
        postmaster = psutil.Process(web_postgres.pid)
        family = [postmaster, *postmaster.children(recursive=True)]
        try:
            for process in family:
                process.suspend()
            for _ in range(3):
                status, seconds = timed(web)
                assert 503 == status
                assert 10 > seconds  # three, and what a busy machine adds
            assert 200 == web.client.get("/healthz").status_code
        finally:
            for process in family:
                process.resume()
        assert soon(lambda: timed(web)[0] == 200)
        assert 0 == web.end()
    assert "Traceback" not in "".join(web.log)


def test_the_number_of_api_survives_a_restart_of_the_database(web_postgres: EmbeddedPostgres) -> None:
    """A request of /api is stored, and so is its result: a restart of the database in between loses neither."""
    with WebProcess(database_url=web_postgres.url) as web:
        answers: list[httpx.Response] = []
        caller = threading.Thread(target=lambda: answers.append(web.client.get("/api")))
        caller.start()
        with connect(web_postgres.url) as db:
            claim = "select id from pgjobs.claim_api_request(gen_random_uuid(), '30 s')"
            assert soon(lambda: len(db.column(claim)) == 1)
        web_postgres.restart("immediate")
        with connect(web_postgres.url) as db:
            db.execute(
                "select pgjobs.close_api_request(c.id, c.owner, 3, null)"
                " from pgjobs.api_requests c where closed_at is null"
            )
        caller.join(20)
    assert ["3"] == [answer.text for answer in answers]
