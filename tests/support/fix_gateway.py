"""Fixtures: an HTTP gateway for messages that answers as it is told."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

OK = b'{"code": 0, "message": "OK"}'


class Call(http.server.BaseHTTPRequestHandler):
    """A call, and the JSON that came with it."""

    said: Any = None


class SimulatedGateway:
    """A gateway on a free port that answers as it is told: status and body, or anything that a handler may do."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], Any]] = []
        self.answer: Callable[[Call], None] = says(200, OK)
        outer = self

        class Handler(Call):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append((self.path, dict(self.headers), self.said))
                outer.answer(self)

            do_GET = do_POST  # noqa: N815 as http.server names it

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def says(status: int, body: bytes, **headers: str) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """An answer with this status and body."""

    def answer(call: http.server.BaseHTTPRequestHandler) -> None:
        call.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            call.send_header(name.replace("_", "-"), value)
        call.end_headers()
        call.wfile.write(body)

    return answer


@pytest.fixture
def simulated() -> Iterator[SimulatedGateway]:
    """A gateway that takes everything."""
    made = SimulatedGateway()
    yield made
    made.close()
