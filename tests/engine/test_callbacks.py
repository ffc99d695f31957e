"""The CMS hears of every ended job, once it answers; while it is silent nothing else waits."""

import itertools
import random
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fix_daemon import Engine
from fix_jobs import Db, insert_job, job_in, set_status
from served import served


class Cms(ThreadingHTTPServer):
    """A CMS on a port of its own; `answers` are given in turn, the last one for ever; None: no answer at all."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int | None] = [200]
        self.heard: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []
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
        self.server.headers.append(dict(self.headers))
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
    with served(Cms()) as server:
        yield server
        server.closing.set()


def heard(job: int, status: str) -> dict[str, list[str]]:
    """What the CMS hears of a job."""
    return {"source": ["pg jobs"], "id": [str(job)], "status": [status]}


def attempts(engine: Engine) -> list[dict[str, Any]]:
    """Every attempt that is on record."""
    return engine.rows(
        "select a.attempt, a.http_status, a.error, a.url, a.at, a.milliseconds, n.closed_at is not null closed"
        " from pgjobs.callback_attempts a join pgjobs.callbacks n on n.id = a.callback_id"
        " order by n.id, a.attempt"
    )


def wait_closed(engine: Engine, number: int) -> None:
    """Wait until so many notifications are closed."""
    engine.wait_until("count(*) = %s from pgjobs.callbacks where closed_at is not null", number)


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
    assert pauses[1] >= 8


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
    engine.wait_until("count(*) = 2 from pgjobs.callbacks where attempts > 0")
    assert 0 == daemon.terminate()
    assert 2 == engine.value("select count(*) from pgjobs.callbacks where attempts > 0")


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
    assert "500" == engine.value("select answer from pgjobs.callbacks")
    assert 1 == len(cms.heard)


def test_a_cms_that_is_down(engine: Engine) -> None:
    """Nobody listens at the address: the refusal is on record and the job is done all the same."""
    with socket.socket() as nobody:
        # The port stays taken, so that no other test listens there.
        nobody.bind(("127.0.0.1", 0))
        engine.start(callback_url=f"http://127.0.0.1:{nobody.getsockname()[1]}/", callback_attempts=1)
        job = engine.add_job("expired")
        engine.wait_status(job, "done")
        wait_closed(engine, 1)
    assert attempts(engine)[0]["error"]


def test_told_after_a_restart(engine: Engine, cms: Cms) -> None:
    """What ended while no daemon was there is told by the next one, where the last one had an address."""
    engine.start(callback_url=cms.url).terminate()
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 day')")
    job = engine.value("select max(id) from xmp_jobs")
    engine.set_status(job, "canceled")
    engine.start(callback_url=cms.url)
    wait_closed(engine, 1)
    assert [heard(job, "cancelled")] == cms.heard


CLAIM = "select id, attempt, job_id, status, url from pgjobs.claim_callback(interval '30 s', %s, %s, 100)"
RECORD = "select pgjobs.record_callback(%s, %s, 'http://cms', %s, %s, 1, 20)"


def test_the_last_word_is_the_last_state(engine: Engine, cms: Cms) -> None:
    """The call about a stop fails, the job is resumed and done: the end is told, and nothing after it."""
    cms.answers = [500, 200]
    engine.start(callback_url=cms.url)
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 day')")
    job = engine.value("select max(id) from xmp_jobs")
    engine.set_status(job, "canceled")
    engine.wait_until("count(*) = 1 from pgjobs.callback_attempts")
    engine.set_status(job, "ready")
    engine.execute("update xmp_jobs set run_at = now()")
    engine.wait_status(job, "done")
    wait_closed(engine, 2)
    assert [heard(job, "cancelled"), heard(job, "done")] == cms.heard
    assert ["superseded", "200"] == [
        r["answer"] for r in engine.rows("select answer from pgjobs.callbacks order by id")
    ]


class Outbox:
    """Two daemons that take callbacks and record their answers, while people stop and resume the jobs."""

    def __init__(self, db: Db, rng: random.Random) -> None:
        self.db, self.rng = db, rng
        self.jobs = [insert_job(db, run_at="2100-01-01") for _ in range(3)]
        self.flying: list[tuple[int, int, int]] = []
        self.begun: dict[int, list[int]] = {job: [] for job in self.jobs}

    def change(self) -> None:
        job = self.rng.choice(self.jobs)
        status = self.db.value("select status from xmp_jobs where id = %s", job)
        set_status(self.db, job, "ready" if status in ("canceled", "error") else self.rng.choice(["canceled", "error"]))

    def take(self) -> None:
        for id_, attempt, job, status, _ in self.db.execute(CLAIM, (True, [])).fetchall():
            assert job not in [flying for _, _, flying in self.flying], "two calls of a job at once"
            assert self.begun[job] == sorted(self.begun[job])
            assert id_ >= max(self.begun[job], default=0), "an older end after a newer one"
            now = self.db.value("select status from xmp_jobs where id = %s", job)
            assert status == now.replace("canceled", "cancelled"), "a state that is over"
            self.begun[job].append(id_)
            self.flying.append((id_, attempt, job))

    def answer(self) -> None:
        if self.flying:
            id_, attempt, _ = self.flying.pop(self.rng.randrange(len(self.flying)))
            answer = self.rng.choice([200, 500, None])
            self.db.execute(RECORD, (id_, attempt, answer, None if answer else "silence"))

    def wait(self) -> None:
        self.db.execute("update pgjobs.callbacks set due_at = clock_timestamp() where in_flight_until is null")


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_a_jobs_states_is_kept(db: Db, seed: int) -> None:
    """Whatever is answered and however jobs are stopped and resumed meanwhile: of one job no two calls are on their way
    at once, none is begun about a state that is over, and in the end the last state is told."""
    db.execute("select pgjobs.announce_callbacks(true)")
    outbox = Outbox(db, random.Random(seed))  # noqa: S311 - no secret
    steps: list[Callable[[], None]] = [
        outbox.change,
        outbox.take,
        outbox.take,
        outbox.answer,
        outbox.answer,
        outbox.wait,
    ]
    for _ in range(250):
        outbox.rng.choice(steps)()
    while outbox.flying:
        outbox.answer()
    outbox.wait()
    for _ in outbox.jobs:
        outbox.take()
    for id_, attempt, _ in outbox.flying:
        db.execute(RECORD, (id_, attempt, 200, None))
    assert 0 == db.value("select count(*) from pgjobs.callbacks where closed_at is null")
    last = "select distinct on (job_id) answer from pgjobs.callbacks order by job_id, id desc"
    ended = db.value("select count(*) from xmp_jobs where status <> 'ready'")
    assert ["200"] * ended == [answer for answer in db.column(last) if answer == "200"][:ended]


def test_a_late_answer_opens_nothing_again(db: Db) -> None:
    """The answer of a call whose state is over, or whose job is gone, leaves the newer one as it is."""
    db.execute("select pgjobs.announce_callbacks(true)")
    job = job_in(db, "canceled")
    ((old, attempt, *_),) = db.execute(CLAIM, (True, [])).fetchall()
    set_status(db, job, "ready")
    set_status(db, job, "error")
    assert [] == db.column(CLAIM, True, [])
    db.execute(RECORD, (old, attempt, 500, None))
    assert ["superseded"] == db.column("select answer from pgjobs.callbacks where closed_at is not null")
    ((new, attempt, _, status, _),) = db.execute(CLAIM, (True, [])).fetchall()
    assert "error" == status
    db.execute("delete from xmp_jobs")
    db.execute(RECORD, (new, attempt, 200, None))
    assert 0 == db.value("select count(*) from pgjobs.callback_attempts")


def test_without_an_address_nothing_is_kept(db: Db) -> None:
    """Where no daemon has an address only jobs with one of their own are kept to be told; an address set later is told
    of later ends alone, and ten minutes after the last daemon that had one what is open is closed."""
    job_in(db, "canceled")
    own = job_in(db, "canceled", callback_url=" https://user:secret@partner/x ")
    assert [own] == db.column("select job_id from pgjobs.callbacks")
    assert [("https://user:secret@partner/x",)] == [row[4:] for row in db.execute(CLAIM, (False, []))]
    db.execute("select pgjobs.announce_callbacks(true)")
    later = job_in(db, "canceled")
    db.execute("select pgjobs.announce_callbacks(false)")
    latest = job_in(db, "canceled")
    assert [later, latest] == db.column("select job_id from pgjobs.callbacks where host = '' order by 1")
    assert [] == db.column(CLAIM, False, [])
    db.execute("update pgjobs.callback_state set seen_at = now() - interval '11 minutes'")
    db.execute("select pgjobs.announce_callbacks(false)")
    job_in(db, "canceled")
    assert ["no address"] * 2 == db.column("select answer from pgjobs.callbacks where host = ''")


def test_what_is_too_old_is_not_told(db: Db) -> None:
    """An end of more than a day ago is neither told nor counted, and the chores close it."""
    db.execute("select pgjobs.announce_callbacks(true)")
    job_in(db, "canceled")
    count = "select value from pgjobs.metrics() where name = 'pgjobs_callbacks_open'"
    assert 1 == db.value(count)
    db.execute("update pgjobs.callbacks set created_at = now() - interval '25 hours'")
    assert 0 == db.value(count)
    assert [] == db.column(CLAIM, True, [])
    db.execute("select pgjobs.sweep()")
    assert ["too old"] == db.column("select answer from pgjobs.callbacks where closed_at is not null")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/",
        "http://",
        "http:///x",
        "cms/x",
        "http://a b/",
        "http://cms/\nx",
        "http://u:p/w@h/",
        "http://c/" + "x" * 2000,
        "http://u:1@cms:65536",
        "https://[::1]:0/x",
        "http://cms\\x/",
        "http://cms\\@other/",
    ],
)
def test_an_address_nobody_can_call_is_refused(db: Db, url: str) -> None:
    """One sentence with the field, without the address, which may hold a password."""
    said = db.refusal("insert into xmp_jobs (type, callback_url) values ('expired', %s)", url)
    assert ("PJ400", "bad_callback_url", "callback_url") == (said.sqlstate, said.constraint_name, said.column_name)
    assert "p/w" not in (said.message_primary or "")


@pytest.mark.parametrize("url", ["http://cms:65535/", "https://u:99999@[::1]:1?x=:99999", "http://cms/a\\b:99999/"])
def test_an_address_of_any_port_is_accepted(db: Db, url: str) -> None:
    """Every port that there is, and digits or backslashes that are none of the host's."""
    written = "insert into xmp_jobs (type, callback_url) values ('expired', %s) returning callback_url"
    assert url == db.value(written, url)


def test_a_deleted_job_is_found_by_an_index(db: Db) -> None:
    """Deleting a job reads none of the callbacks of others."""
    db.execute(
        "insert into pgjobs.callbacks (job_id, status, created_at, due_at)"
        " select 1000000 + i, 'done', now(), now() from generate_series(1, 5000) i"
    )
    db.execute("analyze pgjobs.callbacks")
    job = job_in(db, "canceled")
    with db.transaction():
        db.execute("delete from xmp_jobs where id = %s", (job,))
        assert 0 == db.value("select seq_tup_read from pg_stat_xact_user_tables where relname = 'callbacks'")


def test_a_silent_host_holds_nobody_elses_call(engine: Engine, cms: Cms) -> None:
    """While two calls hang at one address, and more wait for it, another address is told at once."""
    silent = Cms()
    silent.answers = [None]
    with served(silent):
        try:
            engine.start(callback_timeout=300)
            insert = "insert into xmp_jobs (type, callback_url) values ('expired', %s) returning id"
            for _ in range(4):
                job = engine.value(insert, silent.url)
                engine.wait_status(job, "done")
            told = engine.value(insert, cms.url)
            wait_closed(engine, 1)
            assert [heard(told, "done")] == cms.heard
            engine.wait_for(lambda: len(silent.heard) >= 2, "two calls hang")
            assert 2 == len(silent.heard)
        finally:
            silent.closing.set()


def test_the_spelling_of_the_predecessor(engine: Engine, cms: Cms) -> None:
    """By a setting a stopped job is told as canceled."""
    engine.start(callback_url=cms.url, callback_spelling="canceled")
    engine.execute("insert into xmp_jobs (type, run_at) values ('expired', now() + interval '1 day')")
    engine.execute("update xmp_jobs set status = 'canceled'")
    wait_closed(engine, 1)
    assert [["canceled"]] == [told["status"] for told in cms.heard]


def test_a_password_is_sent_and_shown_nowhere(engine: Engine, cms: Cms) -> None:
    """User and password of the address are sent as Basic authorization; no table and no log shows them."""
    daemon = engine.start(callback_url=cms.url.replace("//", "//me:s%C3%A9cret@"))
    job = engine.add_job("expired")
    wait_closed(engine, 1)
    assert "Basic bWU6c8OpY3JldA==" == cms.headers[0]["Authorization"]
    (attempt,) = attempts(engine)
    assert f"http://***@{cms.url.removeprefix('http://').replace('%20', '+')}&id={job}&status=done" == attempt["url"]
    told = f"callback of job {job} (done): answered with 200"
    daemon.wait_said(told)
    assert "cret" not in daemon.said


ODD_ANSWERS = {
    "/cookie": b"HTTP/1.1 500 No\r\nSet-Cookie: sess=J\xf6rg\r\nContent-Length: 0\r\n\r\n",
    "/garbage": b"\x00\xff\x16\x03" * 50,
    "/nothing": b"",
    "/status": b"HTTP/1.1 99999 No\r\n\r\n",
    "/length": b"HTTP/1.1 500 No\r\nContent-Length: -1\r\n\r\n",
    "/headers": b"HTTP/1.1 500 No\r\n" + b"X: y\r\n" * 50_000,
    "/zip": b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\x1f\x8b",
    "/location": b"HTTP/1.1 302 No\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
}


class OddHandler(socketserver.BaseRequestHandler):
    """Answers with bytes that are no answer, by path."""

    def handle(self) -> None:
        path = self.request.recv(65536).split(b" ")[1].split(b"?")[0].decode()
        self.request.sendall(ODD_ANSWERS[path])


def test_whatever_is_answered_is_one_attempt(engine: Engine, cms: Cms) -> None:
    """Cookies that are no text, bytes that are no HTTP, endless headers, bad lengths, addresses that break when they
    are used: each is one attempt with a sentence in one line, and the next job is told as ever."""
    with served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), OddHandler)) as server:
        daemon = engine.start(callback_attempts=1, callback_timeout=5)
        host = f"127.0.0.1:{server.server_address[1]}"
        urls = [f"http://{host}{path}" for path in ODD_ANSWERS]
        urls += [
            "http://\u2603.\u2603:1/",
            "http://xn--a/",
            f"https://{host}/cookie",
            "http://%zz/",
        ]
        for url in urls:
            engine.execute("insert into xmp_jobs (type, callback_url) values ('expired', %s)", url)
        engine.execute("insert into xmp_jobs (type, callback_url) values ('expired', %s)", cms.url)
        wait_closed(engine, len(urls) + 1)
    tried = attempts(engine)
    assert len(urls) + 1 == len(tried)
    assert all(attempt["http_status"] or attempt["error"] for attempt in tried)
    assert 1 == len(cms.heard)
    daemon.wait_said(" failed, attempt 1: ", times=len(urls))
    assert len(urls) == daemon.said.count(" failed, attempt 1: ")
    assert "started again" not in daemon.said
