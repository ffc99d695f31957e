"""The CMS hears of every ended job, once it answers; while it is silent nothing else waits."""

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fix_daemon import Engine


class Cms(ThreadingHTTPServer):
    """A CMS on a port of its own; `answers` are given in turn, the last one for ever; None: no answer at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int | None] = [200]
        self.heard: list[dict[str, list[str]]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/jobs/ended?source=pg%20jobs"

    def next_answer(self) -> int | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    """Answers as its CMS is told to."""

    server: Cms

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        assert "/jobs/ended" == address.path
        self.server.heard.append(parse_qs(address.query))
        answer = self.server.next_answer()
        if answer is None:
            self.server.closing.wait()
            return
        self.send_response(answer)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture
def cms() -> Iterator[Cms]:
    """A CMS that answers 200 until it is told otherwise."""
    server = Cms()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


def heard(job: int, status: str) -> dict[str, list[str]]:
    """What the CMS hears of a job."""
    return {"source": ["pg jobs"], "id": [str(job)], "status": [status]}


def attempts(engine: Engine) -> list[dict[str, Any]]:
    """Every attempt that is on record."""
    return engine.rows(
        "select a.attempt, a.http_status, a.error, a.url, a.at, a.milliseconds, n.closed_at is not null closed"
        " from pgjobs.notification_attempts a join pgjobs.notifications n on n.id = a.notification_id"
        " order by n.id, a.attempt"
    )


def wait_closed(engine: Engine, number: int) -> None:
    """Wait until so many notifications are closed."""
    engine.wait_until("count(*) = %s from pgjobs.notifications where closed_at is not null", number)


def test_told_once(engine: Engine, cms: Cms) -> None:
    """done, cancelled and error are each told exactly once, in the words of the contract."""
    engine.start(callback_url=cms.url)
    engine.add_retries(10)
    done = engine.add_job("expired")
    engine.wait_status(done, "done")
    broken = engine.add_job("injection", "missing.csv")
    engine.wait_status(broken, "error")
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 day')")
    held = engine.value("select max(id) from xmp_jobs")
    engine.set_status(held, "cancelled")
    wait_closed(engine, 3)
    expected = [heard(done, "done"), heard(broken, "error"), heard(held, "cancelled")]
    assert sorted(map(str, expected)) == sorted(map(str, cms.heard))
    assert [(1, 200, None, True)] * 3 == [
        (a["attempt"], a["http_status"], a["error"], a["closed"]) for a in attempts(engine)
    ]
    assert all(f"id={done}&status=done" in a["url"] for a in attempts(engine)[:1])


def test_told_again_until_it_is_heard(engine: Engine, cms: Cms) -> None:
    """Answers other than 2xx, redirects among them, are tried again with growing pauses, each on record."""
    cms.answers = [500, 302, 204]
    engine.start(callback_url=cms.url)
    job = engine.add_job("expired")
    wait_closed(engine, 1)
    assert [heard(job, "done")] * 3 == cms.heard
    tried = attempts(engine)
    assert [(1, 500), (2, 302), (3, 204)] == [(a["attempt"], a["http_status"]) for a in tried]
    pauses = [(b["at"] - a["at"]).total_seconds() for a, b in itertools.pairwise(tried)]
    assert pauses[0] >= 4
    assert pauses[1] > 1.5 * pauses[0]


def test_a_silent_cms_delays_nothing(engine: Engine, cms: Cms) -> None:
    """While the CMS does not answer, jobs run as ever, and so does the end of the daemon."""
    cms.answers = [None]
    daemon = engine.start(callback_url=cms.url, callback_timeout=300)
    engine.add_retries(50)
    first = engine.add_job("expired")
    engine.wait_status(first, "done")
    engine.wait_for(lambda: len(cms.heard) == 1, "the CMS is asked")
    for _ in range(5):
        job = engine.add_job("expired")
        engine.wait_status(job, "done")
    assert 1 == engine.value("select count(*) from pgjobs.notifications where attempts > 0")
    assert 0 == daemon.terminate()


def test_an_attempt_takes_its_time(engine: Engine, cms: Cms) -> None:
    """An attempt that is not answered ends with the timeout, and is on record as such."""
    cms.answers = [None]
    engine.start(callback_url=cms.url, callback_timeout=0.5, callback_attempts=1)
    engine.add_job("expired")
    wait_closed(engine, 1)
    (attempt,) = attempts(engine)
    assert attempt["http_status"] is None
    assert attempt["error"]
    assert attempt["milliseconds"] >= 450


def test_given_up(engine: Engine, cms: Cms) -> None:
    """After the last attempt the notification is closed with its last answer, and nobody is asked again."""
    cms.answers = [500]
    engine.start(callback_url=cms.url, callback_attempts=1)
    engine.add_job("expired")
    wait_closed(engine, 1)
    assert "500" == engine.value("select answer from pgjobs.notifications")
    assert 1 == len(cms.heard)


def test_a_cms_that_is_down(engine: Engine) -> None:
    """Nobody listens at the address: the refusal is on record and the job is done all the same."""
    server = Cms()
    url = server.url
    server.server_close()
    engine.start(callback_url=url, callback_attempts=1)
    job = engine.add_job("expired")
    engine.wait_status(job, "done")
    wait_closed(engine, 1)
    assert attempts(engine)[0]["error"]


def test_told_after_a_restart(engine: Engine, cms: Cms) -> None:
    """What ended while no daemon was there is told by the next one."""
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 day')")
    job = engine.value("select max(id) from xmp_jobs")
    engine.set_status(job, "canceled")
    engine.start(callback_url=cms.url)
    wait_closed(engine, 1)
    assert [heard(job, "cancelled")] == cms.heard
