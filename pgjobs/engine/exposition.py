"""The metrics listener of a daemon: answers GET /metrics for Prometheus, one request at a time, and nothing else.

It is no part of the work: where it can't listen the daemon says so and works on. A request has a few seconds and a few
kilobytes, and a connection is closed after its answer.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from pgjobs.bind import joined, loopback, split
from pgjobs.errors import one_line
from pgjobs.joblog.rules import HOST
from pgjobs.metrics import Metrics

logger = logging.getLogger(__name__)
RANGE = 16
"""So many ports are tried, from that of PGJOBS_METRICS_BIND on: each daemon of a machine takes one."""
MOST_CONNECTIONS = 8
REQUEST_SECONDS = 5.0
REQUEST_BYTES = 8192
RETRY_SECONDS = 60.0
"""So long after it could not listen it tries again."""
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 these are compared with, not listened on


class MetricsListener:
    """Serves the metrics of a daemon at `bind`; an empty one: nowhere."""

    def __init__(self, bind: str, metrics: Metrics) -> None:
        self.address = ""
        """Where it listens, as others reach it; empty while it does not."""
        self._bind = bind
        self._metrics = metrics
        self._writers: set[asyncio.StreamWriter] = set()
        self._turn = asyncio.Lock()

    async def run(self, works: Callable[[], None]) -> None:
        """Serve until the daemon ends; where there is nothing to serve, return."""
        while self._bind:
            works()
            try:
                listener = self._listen()
            except OSError as error:
                logger.warning(
                    "PGJOBS_METRICS_BIND %s: Prometheus is not served: %s (tried again every minute)",
                    self._bind,
                    one_line(error),
                )
                await asyncio.sleep(RETRY_SECONDS)
                continue
            server = await asyncio.start_server(self._serve, sock=listener, limit=REQUEST_BYTES)
            try:
                self._tell(listener)
                await asyncio.get_running_loop().create_future()  # until the daemon ends
            finally:
                self.address = ""
                server.close()
                for writer in self._writers:
                    writer.transport.abort()

    def _listen(self) -> socket.socket:
        """A socket at the first port of the range that nobody has."""
        host, first = split(self._bind)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ports = range(first, min(first + RANGE, 65536)) if first else range(1)
        for port in ports:
            try:
                return socket.create_server((host, port), family=family)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, f"the ports {ports[0]} to {ports[-1]} are taken")

    def _tell(self, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.address = joined(HOST if host in ANYWHERE else host, port)
        wanted = split(self._bind)[1]
        logger.info(
            "metrics are at http://%s/metrics%s%s",
            joined(host, port),
            f"; port {wanted} is taken" if wanted not in (0, port) else "",
            "" if loopback(host) else "; other machines may read them",
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) >= MOST_CONNECTIONS:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                async with self._turn:
                    writer.write(self._answer(head))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever asks so slowly, or so much, gets no answer.
            writer.transport.abort()
        finally:
            self._writers.discard(writer)

    def _answer(self, head: bytes) -> bytes:
        """The whole answer to a request."""
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return _response("404 Not Found", b"the metrics are at /metrics\n")
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", b"use GET\n", "Allow: GET, HEAD\r\n")
        body = generate_latest(self._metrics.registry)
        answer = _response("200 OK", body, kind=CONTENT_TYPE_PLAIN_0_0_4)
        return answer[: -len(body)] if method == b"HEAD" else answer


def _response(status: str, body: bytes, further: str = "", kind: str = "text/plain; charset=utf-8") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n{further}\r\n"
    )
    return head.encode() + body
