"""Fixtures: the web application without a network, and a real web process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import pytest
from fix_answers import disagreement

import pgjobs
from pgjobs.settings import Settings, read_settings
from pgjobs.web.app import create_app
from pgjobs.web.door import Door

T = TypeVar("T")


class Web:
    """Calls the application on an event loop of its own; `within` runs more than one thing at a time."""

    def __init__(self, settings: Settings, *further: Door) -> None:
        self.app = create_app(settings, further)
        self._document = json.loads(self.app.state.documentation.document)
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()

    def __enter__(self) -> Self:
        self._runner.run(self._stack.enter_async_context(self.app.router.lifespan_context(self.app)))
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.run(self.client.aclose())
        self._runner.close()

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.call("POST", path, **options)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer; it has to be one that the OpenAPI document knows."""
        answer = self._runner.run(self.client.request(method, path, **options))
        assert "" == disagreement(self._document, answer), f"{method} {path}: {answer.text[:2000]}"
        return answer

    def within(self, work: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work(self.client)

        return self._runner.run(run())


class WebProcess:
    """`pgjobs web` as users run it, on a port that is free; `under` is a command it is run under, with other limits."""

    def __init__(self, *, under: Sequence[str] = (), **settings: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")}
        given = {f"PGJOBS_{name.upper()}": value for name, value in settings.items()}
        self.process = subprocess.Popen(
            [*under, sys.executable, "-m", "pgjobs", "web"],
            cwd=Path(pgjobs.__file__).parent.parent,
            env=inherited | {"PGJOBS_HTTP_BIND": "127.0.0.1:0"} | given,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []

    def __enter__(self) -> Self:
        try:
            self.client = httpx.Client(base_url=self._address(), timeout=30)
        except BaseException:
            self.end(signal.SIGKILL)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send `how` and give the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            _, rest = self.process.communicate(timeout=30)
            self.log += (rest or "").splitlines(keepends=True)
        return self.process.returncode

    def connect(self) -> socket.socket:
        """A plain connection, for what no HTTP client would send."""
        return socket.create_connection(("127.0.0.1", self.client.base_url.port or 0), timeout=20)

    def _address(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"listening on (\S+)", line)
            if found:
                return found[1]
        raise AssertionError("".join(self.log))


def rest_of(line: socket.socket) -> bytes:
    """All that still comes before the connection ends."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := line.recv(65536):
            received += part
    return received


@pytest.fixture
def web(web_url: str) -> Iterator[Web]:
    """The application on the test's database."""
    with Web(read_settings(database_url=web_url)) as running:
        yield running


@pytest.fixture
def impatient_web(web_url: str) -> Iterator[Web]:
    """The application with a short patience for /api."""
    with Web(read_settings(database_url=web_url, http_patience=0.4)) as running:
        yield running


@pytest.fixture
def guarded_web(web_url: str) -> Iterator[Web]:
    """The application that asks for tokens."""
    with Web(read_settings(database_url=web_url, http_auth=True)) as running:
        yield running
