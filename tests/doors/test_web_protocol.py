"""HTTP connections: deadlines for clients, a bounded number, and malformed requests."""

import asyncio
import contextlib
import json
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx
import pytest
import uvicorn
from fix_jobs import Db, job_in
from fix_services import soon
from fix_web import WebProcess, rest_of
from starlette.types import Receive, Scope, Send

from pgjobs.web.bind import listen
from pgjobs.web.limits import BACKLOG, RESERVED, Limits, allow_long_body, connection_limit
from pgjobs.web.protocol import BoundedProtocol, bounded

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
WHOLE = HEAD + b"\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


class Server:
    """A small application behind our protocol: it reads the body and answers when `gate` is open.

    A body for /file may take as long as an upload; it is read when `gate` is open, and answered before it for /refused.
    """

    def __init__(self, limits: Limits, size: int = 2) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.size = size
        self._listener = listen("127.0.0.1:0")
        config = uvicorn.Config(
            self._app,
            log_config=None,
            lifespan="off",
            interface="asgi3",
            http=bounded(limits),
            ws="none",
            backlog=BACKLOG,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._lines = contextlib.ExitStack()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in ("/file", "/refused"):
            allow_long_body(scope)
            await asyncio.to_thread(self.gate.wait)
        while scope["path"] != "/refused":
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            if not message["more_body"]:
                break
        await asyncio.to_thread(self.gate.wait)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % self.size)]})
        await send({"type": "http.response.body", "body": b"x" * self.size})

    def __enter__(self) -> Self:
        self._thread.start()
        assert soon(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._lines.close()
        self._server.should_exit = True
        self._thread.join(20)
        self._listener.close()

    def connect(self, *parts: bytes) -> socket.socket:
        """A connection on which these bytes have been sent."""
        line = self._lines.enter_context(socket.create_connection(self._listener.getsockname(), timeout=20))
        for part in parts:
            line.sendall(part)
        return line

    @property
    def connections(self) -> list[BoundedProtocol]:
        """The connections there are."""
        return [c for c in self._server.server_state.connections if isinstance(c, BoundedProtocol)]


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers with the limits a test asks for."""
    with contextlib.ExitStack() as servers:
        yield lambda size=2, **limits: servers.enter_context(
            Server(Limits(**({"connections": 50, "request_seconds": 20.0, "send_seconds": 20.0} | limits)), size)
        )


def answer(received: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON of the only answer received."""
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_answers_leave_without_waiting_for_an_acknowledgement(serve: Serve) -> None:
    """Nagle's algorithm is off on every accepted connection, so that head and body leave at once."""
    server = serve()
    server.connect(WHOLE).recv(1000)
    lines = [connection.transport.get_extra_info("socket") for connection in server.connections]
    assert [True] == [bool(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for line in lines]


def test_a_connection_that_says_nothing_is_closed(serve: Serve) -> None:
    """If no byte of a request arrives in time, the connection is closed without an answer."""
    server = serve(request_seconds=0.1)
    assert rest_of(server.connect()) == b""
    assert soon(lambda: not server.connections)


@pytest.mark.parametrize("sent", [HEAD, HEAD + b"X: " + b"x" * 500, POST + b"12345", b"G"])
def test_half_a_request_is_408(serve: Serve, sent: bytes) -> None:
    """A head or a body that is not complete in time is answered with 408, and the connection is closed."""
    server = serve(request_seconds=0.3)
    status, body = answer(rest_of(server.connect(sent)))
    assert (408, "request_timeout") == (status, body["code"])
    assert {"error", "code", "hint"} == set(body)
    assert soon(lambda: not server.connections)


@pytest.mark.parametrize("begin", [HEAD + b"X: ", POST])
def test_single_bytes_do_not_move_the_deadline(serve: Serve, begin: bytes) -> None:
    """A client that sends a byte now and then meets the deadline of head or body all the same."""
    server = serve(request_seconds=0.3)
    line = server.connect(begin)
    line.settimeout(0.02)
    received = b""
    for _ in range(9 if begin == POST else 2000):
        with contextlib.suppress(TimeoutError, OSError):
            line.sendall(b"x")
            received += line.recv(1000)
        if received:
            break
    line.settimeout(20)
    assert 408 == answer(received + rest_of(line))[0]


UPLOAD = b"PUT /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def dripped(line: socket.socket, data: bytes, size: int) -> bytes:
    """Send data in pieces, some ms apart, and give what comes back; nothing more is sent once there is an answer."""
    line.settimeout(0.01)
    for at in range(0, len(data), size):
        with contextlib.suppress(TimeoutError):
            line.sendall(data[at : at + size])
            if received := line.recv(1000):
                return received
    line.settimeout(20)
    return line.recv(1000)


def test_an_upload_that_keeps_coming_may_take_longer(serve: Serve) -> None:
    """A body that the application reads as a file outlives the deadline of others, as long as enough of it comes."""
    server = serve(request_seconds=0.3, upload_seconds=1, upload_bytes=20)
    with contextlib.suppress(ConnectionError):
        assert dripped(server.connect(POST.replace(b"10", b"2000")), b"x" * 2000, 20).startswith(b"HTTP/1.1 408")
    assert dripped(server.connect(UPLOAD % 2000), b"x" * 2000, 10).startswith(b"HTTP/1.1 200")


def test_an_upload_that_drips_is_408(serve: Serve) -> None:
    """Where less than the least comes of a file, its connection is closed with a sentence that says how much is too
    little, whether it stands still or drips."""
    server = serve(upload_seconds=0.2, upload_bytes=1000)
    standing, dripping = server.connect(UPLOAD % 100_000), server.connect(UPLOAD % 100_000)
    for received in (dripped(dripping, b"x" * 100_000, 1), rest_of(standing)):
        status, body = answer(received)
        assert (408, "request_timeout") == (status, body["code"])
        assert "less than 1,000 bytes of the file came within 0.2 s" == body["error"]
    assert soon(lambda: not server.connections)


def test_an_upload_is_not_cut_because_we_are_slow(serve: Serve) -> None:
    """While the application does not read, its client can't send, and no time of its own runs."""
    server = serve(upload_seconds=0.3, upload_bytes=1000)
    server.gate.clear()
    line = server.connect(UPLOAD % 20_000_000)
    sender = threading.Thread(target=line.sendall, args=(b"x" * 20_000_000,))
    sender.start()
    assert soon(lambda: bool(server.connections))
    (connection,) = server.connections
    begun = connection.since
    assert soon(lambda: connection.since > begun + 0.7)
    server.gate.set()
    assert line.recv(1000).startswith(b"HTTP/1.1 200")
    sender.join(20)


def test_the_rest_of_a_refused_upload_is_not_waited_for(serve: Serve) -> None:
    """Once an upload is answered, what still comes of it has the deadline of other bodies."""
    server = serve(request_seconds=0.2, upload_seconds=20, upload_bytes=1)
    line = server.connect(UPLOAD.replace(b"/file", b"/refused") % 1000, b"x")
    assert line.recv(1000).startswith(b"HTTP/1.1 200")
    assert soon(lambda: not server.connections)


def test_the_next_request_of_a_kept_connection_has_its_deadline_too(serve: Serve) -> None:
    """After an answer the deadline of the next request begins with its first byte."""
    server = serve(request_seconds=0.2)
    line = server.connect(WHOLE)
    assert line.recv(1000).startswith(b"HTTP/1.1 200")
    line.sendall(HEAD)
    assert 408 == answer(rest_of(line))[0]


def test_an_answer_may_take_longer_than_a_request(serve: Serve) -> None:
    """Deadlines are for the client: none runs while the application works."""
    server = serve(request_seconds=0.3)
    server.gate.clear()
    line = server.connect(WHOLE)
    others = [server.connect(HEAD) for _ in range(2)]
    assert [408, 408] == [answer(rest_of(other))[0] for other in others]
    server.gate.set()
    assert line.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_read_its_answer_is_cut_off(serve: Serve) -> None:
    """The connection of a client that does not read its answer is closed."""
    server = serve(send_seconds=0.2, size=50_000_000)
    line = server.connect(WHOLE)
    assert line.recv(1) == b"H"
    assert soon(lambda: not server.connections)


def test_waiting_connections_are_closed_for_new_ones(serve: Serve) -> None:
    """At the limit the connection that has waited longest is closed: requests are answered among any number of
    half ones, one that is being answered is left alone, and there are never more than the limit."""
    server = serve(connections=5)
    server.gate.clear()
    answered = server.connect(WHOLE)
    assert soon(lambda: [c.phase.value for c in server.connections] == ["answer"])
    half = [server.connect(HEAD) for _ in range(30)]
    server.gate.set()
    assert answered.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.connect(WHOLE).recv(1000).startswith(b"HTTP/1.1 200")
    assert 5 >= len(server.connections)
    assert rest_of(half[0]) == b""


def test_where_every_connection_is_answered_a_further_one_is_503(serve: Serve) -> None:
    """Nothing that is being answered is closed for a new connection: that one gets 503 at once."""
    server = serve(connections=3)
    server.gate.clear()
    under_way = [server.connect(WHOLE) for _ in range(3)]
    assert soon(lambda: [c.phase.value for c in server.connections] == ["answer"] * 3)
    refused = rest_of(server.connect())
    status, body = answer(refused)
    assert (503, "too_many_connections") == (status, body["code"])
    assert b"\r\nretry-after: 5\r\n" in refused
    server.gate.set()
    assert [b"HTTP/1.1 200"] * 3 == [line.recv(1000)[:12] for line in under_way]


@pytest.mark.parametrize(
    ("soft", "expected"),
    [(resource.RLIM_INFINITY, 500), (65536, 500), (512, 512 - RESERVED - 2 * BACKLOG), (64, 16)],
)
def test_the_limit_lies_below_that_of_descriptors(monkeypatch: pytest.MonkeyPatch, soft: int, expected: int) -> None:
    """Of the descriptors the process may have, enough are left for accepting and for the database."""
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, soft))
    assert expected == connection_limit(500)


def test_more_half_requests_than_descriptors_keep_nobody_out(web_url: str, db: Db) -> None:
    """With 400 half requests against 300 descriptors jobs are still stopped, and the log says why some were closed."""
    job = job_in(db, "ready")
    with WebProcess(database_url=web_url, under=("prlimit", "--nofile=300")) as web, contextlib.ExitStack() as lines:
        for _ in range(400):
            lines.enter_context(web.connect()).sendall(HEAD)
        assert 200 == web.client.get(f"/jobs/stop?id={job}").status_code
        lines.close()
        assert 0 == web.end()
    said = "".join(web.log)
    assert "72 connections are open, as many as there may be" in said
    assert "Traceback" not in said


def request(head: str, *, version: str = "1.1", host: str = "Host: localhost\r\n", rest: str = "\r\n") -> bytes:
    """A request with this first line."""
    return f"{head} HTTP/{version}\r\n{host}{rest}".encode("latin-1")


GO_AHEAD = "Content-Length: 7\r\nExpect: 100-continue\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
RAW = [
    ("HEAD reads", request("HEAD /jobs"), [200]),
    ("HEAD changes nothing", request("HEAD /jobs/stop?id=1"), [405]),
    ("OPTIONS", request("OPTIONS *"), [404]),
    ("OPTIONS of a path", request("OPTIONS /jobs"), [405]),
    ("TRACE", request("TRACE /jobs"), [405]),
    ("CONNECT", request("CONNECT localhost:22"), [404]),
    ("an invented method", request("START /jobs"), [405]),
    ("a huge path", request("GET /" + "a" * 15_000), [404]),
    ("a path without an end", b"GET /" + b"a" * 20_000, [431]),
    ("a huge query", request("GET /jobs?status=" + "a" * 15_000), [400]),
    ("a header without an end", request("GET /jobs", rest=f"X: {'a' * 20_000}"), [431]),
    ("bad percent-encoding", request("GET /jobs?status=%zz%"), [400]),
    ("percent-encoded bytes that are no UTF-8", request("GET /jobs?status=%ff%fe"), [400]),
    ("an encoded surrogate", request("GET /jobs?type=%ED%B2%80"), [400]),
    ("the same in the path", request("GET /%zz%ff%ED%B2%80"), [404]),
    ("an encoded NUL", request("GET /%00"), [404]),
    ("an encoded line end", request("GET /jobs%0d%0aX:%20y"), [404]),
    ("bytes in the target", request("GET /jobs?status=\xff"), [400]),
    ("absolute form", request("GET http://localhost/jobs"), [404]),
    ("absolute form, another host", request("GET http://evil.example/jobs"), [404]),
    ("no target", b"GET HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    ("HTTP/2 by itself", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [404, 400]),
    ("HTTP/0.9", b"GET /jobs\r\n\r\n", [400]),
    ("HTTP/1.0 without Host", request("GET /jobs", version="1.0", host=""), [200]),
    ("HTTP/1.1 without Host", request("GET /jobs", host=""), [400]),
    ("an empty Host", request("GET /jobs", host="Host: \r\n"), [200]),
    ("two hosts", request("GET /jobs", host="Host: localhost\r\nHost: localhost\r\n"), [400]),
    ("two lengths", request("POST /jobs", rest="Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), [400]),
    ("the same length twice", request("POST /jobs", rest="Content-Length: 0\r\nContent-Length: 0\r\n\r\n"), [200]),
    ("a negative length", request("POST /jobs", rest="Content-Length: -1\r\n\r\n"), [400]),
    ("a length that is no number", request("POST /jobs", rest="Content-Length: ten\r\n\r\n"), [400]),
    ("a length beyond every number", request("POST /jobs", rest=f"Content-Length: {'9' * 30}\r\n\r\n"), [400]),
    ("length and chunks", request("POST /jobs", rest=f"Content-Length: 1\r\n{CHUNKED}\r\n0\r\n\r\n"), [200]),
    ("an unknown transfer coding", request("POST /jobs", rest="Transfer-Encoding: gzip\r\n\r\n"), [400]),
    ("chunks", request("POST /jobs", rest=f"{CHUNKED}\r\n7\r\nlimit=1\r\n0\r\n\r\n"), [200]),
    ("a broken chunk", request("POST /jobs", rest=f"{CHUNKED}\r\nzz\r\n"), [400]),
    ("a broken chunk of a body nobody reads", request("POST /healthz", rest=f"{CHUNKED}\r\nzz\r\n"), [400]),
    ("expect a go-ahead", request("POST /jobs", rest=f"{GO_AHEAD}\r\nlimit=1"), [100, 200]),
    ("an upgrade", request("GET /healthz", rest="Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), [200]),
    ("a websocket", request("GET /healthz", rest="Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), [200]),
    ("three at once", request("GET /healthz") + request("GET /jobs") + request("GET /nowhere"), [200, 200, 404]),
    ("a good one and rubbish", request("GET /healthz") + b"rubbish\r\n\r\n", [200, 400]),
    ("a folded header", request("GET /jobs", rest="X: a\r\n b\r\n\r\n"), [200]),
    ("a space before the colon", request("GET /jobs", rest="X : a\r\n\r\n"), [400]),
    ("a control character in a header", request("GET /jobs", rest="X: a\x01\r\n\r\n"), [200]),
]  # fmt: skip


def statuses(received: bytes) -> list[int]:
    """The status of every answer received."""
    return [int(part.split(b" ", 2)[1]) for part in received.split(b"HTTP/1.1 ")[1:] for part in [b"x " + part]]


def test_malformed_requests_are_answered(web_url: str) -> None:
    """Whatever is sent, each request gets its answer, none is a 5xx, and no traceback is logged."""
    found = []
    with WebProcess(database_url=web_url) as web:
        for name, sent, expected in RAW:
            with web.connect() as line:
                line.sendall(sent)
                received = b""
                line.settimeout(20)
                while len(statuses(received)) < len(expected):
                    part = line.recv(65536)
                    if not part:
                        break
                    received += part
            if statuses(received) != expected:
                found.append((name, expected, received))
        assert 0 == web.end()
    assert [] == found
    assert "Traceback" not in "".join(web.log)


def test_a_body_that_breaks_off_is_one_line_at_info(web_url: str, db: Db) -> None:
    """A client that goes away in the body of its request changes nothing and costs one line of the log."""
    job = job_in(db, "ready")
    with WebProcess(database_url=web_url) as web:
        with web.connect() as line:
            line.sendall(request(f"POST /jobs/stop?id={job}", rest="Content-Length: 100\r\n\r\nx"))
        # Then it has been noticed, and the end of the process is not what breaks it off.
        assert 200 == web.client.get("/healthz").status_code
        assert 0 == web.end()
    said = [line for line in web.log if "incomplete_request" in line]
    assert [True] == [" INFO " in line and "POST /jobs/stop" in line for line in said]
    assert "Traceback" not in "".join(web.log)
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_half_requests_do_not_delay_the_end(web_url: str, how: signal.Signals) -> None:
    """At each signal the process ends in order: half a body is answered with 503, half a head is closed."""
    with WebProcess(database_url=web_url) as web, web.connect() as body, web.connect() as head:
        body.sendall(POST.replace(b"POST /", b"POST /jobs"))
        head.sendall(HEAD)
        assert 200 == web.client.get("/healthz").status_code
        web.process.send_signal(how)
        status, problem = answer(rest_of(body))
        assert (503, "shutting_down") == (status, problem["code"])
        assert rest_of(head) == b""
        assert 0 == web.end()
    assert "Traceback" not in "".join(web.log)


def test_under_nohup_sighup_is_ignored(web_url: str) -> None:
    """Started with SIGHUP ignored, the process goes on when its terminal closes."""
    with WebProcess(database_url=web_url, under=("nohup",)) as web:
        web.process.send_signal(signal.SIGHUP)
        assert 200 == web.client.get("/healthz").status_code
        assert 0 == web.end()


def test_a_request_longer_than_the_drain_time_is_503(web_url: str, db: Db) -> None:
    """A request of /api that outlasts PGJOBS_DRAIN_SECONDS is answered with 503, not with 500."""
    answers: list[httpx.Response] = []
    with WebProcess(database_url=web_url, drain_seconds="1") as web:
        caller = threading.Thread(target=lambda: answers.append(web.client.get("/api")))
        caller.start()
        assert soon(lambda: db.value("select count(*) from pgjobs.api_requests") == 1)
        assert 0 == web.end()
        caller.join(20)
    assert [(503, "shutting_down")] == [(a.status_code, a.json()["code"]) for a in answers]
    assert "Traceback" not in "".join(web.log)
