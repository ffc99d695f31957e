"""Fixtures: a receiver of callbacks that are posted, which checks the signature of each."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest
from served import served

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Posted(NamedTuple):
    """A request that came."""

    path: str
    id: str
    body: dict[str, Any]
    answer: int

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The operations it tells of."""
        return [self.body["operation"]] if "operation" in self.body else self.body.get("operations", [])


class Receiver(ThreadingHTTPServer):
    """On a port of its own; `answers` are given in turn, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = [200]
        self.posted: list[Posted] = []
        self.wrong: list[str] = []
        self.now, self.most = 0, 0
        self.pause = 0.0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/told?by=pgjobs"

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The operations it was told of and has accepted."""
        return [each for post in self.posted if post.answer < 300 for each in post.operations]

    @property
    def ends(self) -> list[dict[str, Any]]:
        """What it was told of jobs, and has accepted."""
        return [post.body["job"] for post in self.posted if post.answer < 300 and "job" in post.body]

    def next_answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    """Answers as its receiver is told to."""

    server: Receiver

    def do_POST(self) -> None:
        receiver = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with receiver.lock:
            receiver.now += 1
            receiver.most = max(receiver.most, receiver.now)
        if receiver.pause:
            # That nobody else calls meanwhile can only be seen while time passes.
            time.sleep(receiver.pause)
        message, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        expected = hmac.digest(bytes(range(32)), f"{message}.{at}.".encode() + body, hashlib.sha256)
        with receiver.lock:
            if self.headers["webhook-signature"] != "v1," + base64.b64encode(expected).decode():
                receiver.wrong.append(f"signature of {message}")
            if self.headers["Content-Type"] != "application/json" or abs(time.time() - int(at)) > 60:
                receiver.wrong.append(f"headers of {message}")
            answer = receiver.next_answer()
            receiver.posted.append(Posted(self.path, message, json.loads(body), answer))
            receiver.now -= 1
        self.send_response(answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.server.wrong.append(f"GET {self.path}")
        self.send_response(500)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that answers 200 until it is told otherwise."""
    with served(Receiver()) as server:
        yield server
