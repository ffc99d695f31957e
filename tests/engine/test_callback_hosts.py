"""Whom a job may have called: refused where it is written, and looked up, checked and called as it was checked."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from fix_cli import run
from fix_daemon import Engine
from fix_jobs import Db, insert_job, set_clock
from fix_web import Web
from served import served

from pgjobs.callback_hosts import check_callback_hosts, hosts_of
from pgjobs.engine.caller import LONGEST_PAUSE, Caller, _pause, addresses_of

FAULT = "select pgjobs.callback_fault(%s, %s::text[], %s::text[])"
NONE, LEADS = "its host is none that may be called", "it leads to "


class Listener(ThreadingHTTPServer):
    """Counts who connects, and answers with what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connected = 0
        self.hosts: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = [(200, {})]

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.connected += 1
        return super().verify_request(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers as its listener is told to."""

    server: Listener

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        answers = self.server.answers
        status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, text in (headers | {"Content-Length": "0"}).items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A listener on this machine."""
    with served(Listener()) as server:
        yield server


THIS_MACHINE_AND_MANY = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",  # noqa: S104
    "[64:ff9b::7f00:1]", "169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "224.0.0.1", "255.255.255.255",
    "100.100.100.200", "[ff02::1]",
)  # fmt: skip
JUDGED: list[tuple[str, list[str] | None, str, str]] = [
    ("cms", None, "*", ""), ("cms", ["10.0.0.7"], "*", ""), ("CMS.", ["203.0.113.7"], "cms", ""),
    ("cms", None, "", NONE), ("cms", None, "other", NONE), ("203.0.113.7", None, "cms", NONE),
    ("a.example.com", None, "*.example.com", ""), ("a.b.example.com", None, "*.example.com", ""),
    ("example.com", None, "*.example.com", NONE), (".example.com", None, "*.example.com", NONE),
    ("badexample.com", None, "*.example.com", NONE), ("example.com.evil.org", None, "*.example.com", NONE),
    ("10.1.2.3", None, "10.0.0.0/8", ""), ("11.1.2.3", None, "10.0.0.0/8", NONE),
    ("[fd00::7]", None, "fd00::/8", ""), ("name", ["10.1.2.3"], "10.0.0.0/8", NONE), ("cafe", None, "cafe", ""),
    ("2130706433", None, "127.0.0.1", NONE), *((literal, None, "*", LEADS) for literal in THIS_MACHINE_AND_MANY),
    ("2130706433", ["127.0.0.1"], "*", LEADS), ("0177.0.0.1", ["127.0.0.1"], "*", LEADS),
    ("0x7f.1", ["127.0.0.1"], "*", LEADS), ("localhost", ["::1"], "*", LEADS),
    ("metadata.internal", ["169.254.169.254"], "*", LEADS), ("cms", ["::ffff:169.254.1.1"], "*", LEADS),
    ("cms", ["203.0.113.7", "127.0.0.1"], "cms", LEADS), ("localhost", ["127.0.0.1"], "localhost", LEADS),
    ("localhost", ["127.0.0.1", "::1"], "localhost,127.0.0.0/8,::1", ""), ("127.0.0.1", None, "*,127.0.0.1", ""),
    ("[::ffff:127.0.0.1]", None, "*,127.0.0.1", ""), ("127.0.0.2", None, "*,127.0.0.1", LEADS),
]  # fmt: skip


def test_who_may_be_called(db: Db) -> None:
    """By its name or address as listed, and never this machine, its link or many machines but by a listed address."""
    for host, addresses, allowed, said in JUDGED:
        fault = db.value(FAULT, host, addresses, hosts_of(allowed))
        assert fault is None if not said else (fault or "").startswith(said), (host, addresses, allowed, fault)


def test_a_list_of_hosts_has_one_form() -> None:
    """Entries are written as SQL reads them, and what is none is refused."""
    assert "*.example.com,10.0.0.0/8,::1/128,a_b" == check_callback_hosts(" *.Example.com, 10.1.2.3/8,[::1],, a_b")
    for wrong in (
        "http://cms",
        "cms:80",
        "a b",
        "*.",
        "cms.",
        "ex*ample",
        "10.0.0.0/33",
        "1.2.3",
        "bücher.example",
        "::g",
    ):
        with pytest.raises(ValueError, match="it has to be names"):
            check_callback_hosts(wrong)


def test_an_address_is_refused_where_it_is_written(db: Db, web: Web, database: str) -> None:
    """By SQL, HTTP and CLI in the same words, with the field; before a daemon has said whom it calls, any is taken."""
    insert = "insert into xmp_jobs (type, active, callback_url) values ('expired', false, %s) returning id"
    early = db.value(insert, "https://127.0.0.1/x")
    db.execute("select pgjobs.announce_callbacks(false, '{*.example.com}')")
    said = db.refusal(insert, "https://u:p%40w@example.org/x")
    hint = "name another host, or let the operator add this one to PGJOBS_CALLBACK_HOSTS of the daemons"
    assert (f"callback_url: {NONE}", hint) == (said.message_primary, said.message_hint)
    assert ("PJ400", "bad_callback_url", "callback_url") == (said.sqlstate, said.constraint_name, said.column_name)
    job = db.value(insert, "https://hooks.example.com:8443/x")
    for method, path, more in (("POST", "/jobs", {"type": "expired"}), ("PATCH", f"/jobs/{job}", {})):
        answer = web.call(method, path, json={"callback_url": "http://example.org"} | more)
        assert (400, {"error": f"callback_url: {NONE}", "code": "bad_callback_url", "hint": hint}) == (
            answer.status_code, answer.json()
        )  # fmt: skip
    typed = run("create", "expired", "--set", "callback_url=http://example.org", database_url=database)
    assert 0 != typed.code
    assert f"callback_url: {NONE}" in typed.everything
    assert hint in typed.everything
    db.execute("select pgjobs.announce_callbacks(false, '{*}')")
    refused = db.refusal(insert, "http://169.254.169.254/latest").message_primary
    assert (
        f"callback_url: {LEADS}169.254.169.254, an address of this machine, of its link or of many machines" == refused
    )
    db.execute("select pgjobs.announce_callbacks(true)")
    assert "bad_callback_url" == db.refusal(insert, "http://[::1]/").constraint_name
    assert 200 == web.get("/jobs/pause", params={"id": early}).status_code


def test_whoever_leads_to_this_machine_is_not_called(engine: Engine, db: Db, listener: Listener) -> None:
    """However its address is spelled nobody connects, and the attempt says why; the operator's own one is called."""
    engine.start(callback_hosts="*", callback_url=f"http://127.0.0.1:{listener.port}/own")
    hosts = ("localhost", "2130706433", "0x7f.1", "0177.0.0.1", "u:p@localhost")
    for host in hosts:
        job = insert_job(db, callback_url=f"http://{host}:{listener.port}/", run_at=LATER)
        engine.set_status(job, "canceled")
    tried = "select error, http_status from pgjobs.callback_attempts where attempt = 1"
    engine.wait_for(lambda: len(engine.rows(tried)) == len(hosts), "each was tried")
    said = [row["error"] for row in engine.rows(tried)]
    assert [] == [one for one in said if not re.search("leads to (127.0.0.1|::1),|can't be called", one)], said
    assert 0 == listener.connected
    engine.set_status(insert_job(db, run_at=LATER), "canceled")
    engine.wait_for(lambda: listener.connected == 1, "the operator's own address is called")


def test_a_name_is_called_where_it_was_checked(listener: Listener) -> None:
    """The call goes to the checked address, whatever the name leads to by now, in the name of the host."""

    async def call(url: str, *addresses: str) -> int | None:
        caller = Caller(1, 5)
        try:
            return (await caller.call("GET", httpx.URL(url), {}, None, addresses)).status
        finally:
            await caller.close()

    assert 200 == asyncio.run(call(f"http://u:p@rebound.invalid:{listener.port}/x", "127.0.0.1"))
    assert [f"rebound.invalid:{listener.port}"] == listener.hosts
    # Where nobody listens at the first of its addresses the next one is called.
    assert 200 == asyncio.run(call(f"http://rebound.invalid:{listener.port}/x", "127.0.0.9", "127.0.0.1"))
    with pytest.raises(httpx.ConnectError):
        asyncio.run(call(f"http://127.0.0.1:{listener.port}/x", "127.0.0.9"))
    assert ["127.0.0.1"] == asyncio.run(addresses_of(httpx.URL("http://0x7f.1/")))


LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "asked", "seconds"),
    [
        (503, "120", 120), (429, " 7 ", 7), (500, "120", None), (200, "120", None), (503, "", None), (503, "-1", None),
        (503, "1.5", None), (503, "9" * 400, LONGEST_PAUSE), (503, "soon", None), (503, "٣", None),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", 0), (503, "Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_PAUSE),
        (503, "Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)  # fmt: skip
def test_an_answer_asks_for_a_pause(status: int, asked: str, seconds: int | None) -> None:
    """Seconds or a date of a 429 or 503; whatever else there is asks for nothing."""
    assert seconds == _pause(status, asked)


def test_a_date_is_so_many_seconds_from_now() -> None:
    """A date is read as the time until then."""
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 60 <= (_pause(503, asked) or 0) <= 90


def test_a_pause_is_asked_for_within_the_usual_ones(db: Db) -> None:
    """Not sooner than without it, and an hour at most."""
    db.execute("select pgjobs.announce_callbacks(true)")
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (insert_job(db, run_at=LATER),))
    set_clock(db, datetime.now(UTC))
    for attempt, asked, pause in ((1, None, 4), (1, 2, 4), (1, 100, 100), (1, 86400, 3600), (6, 9, 128)):
        callback = db.value("update pgjobs.callbacks set attempts = %s returning id", attempt)
        record = "select pgjobs.record_callback(%s, %s, 'http://x', 503, null, 1, 20, %s)"
        db.execute(record.encode(), (callback, attempt, asked))
        waits = db.value("select extract(epoch from due_at - pgjobs.now())::float from pgjobs.callbacks")
        assert waits == pause


def test_a_receiver_that_asks_for_a_pause_gets_it(engine: Engine, db: Db, listener: Listener) -> None:
    """After 503 with Retry-After the next attempt is due then."""
    listener.answers = [(503, {"Retry-After": "900"})]
    engine.start(callback_url=f"http://127.0.0.1:{listener.port}/")
    engine.set_status(insert_job(db, run_at=LATER), "canceled")
    engine.wait_until("exists (select from pgjobs.callback_attempts)")
    engine.wait_until("(select due_at > pgjobs.now() + interval '800 s' from pgjobs.callbacks)")
