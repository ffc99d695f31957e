"""One HTTP connection: uvicorn's protocol with deadlines, and with a limit of connections.

A connection is in one phase at a time, and each phase in which the client is waited for has a deadline:

HEAD    connected, or a request has begun: its head has to be complete in time, or 408
BODY    the head is there: the body has to be complete in time, or 408; a file that is uploaded has to keep coming
ANSWER  the application works; it bounds its own waits
IDLE    kept alive between two requests; closed without an answer (uvicorn's timeout_keep_alive)
SEND    the client does not read its answer; the connection is cut off at the deadline

Beyond the limit, the connection whose client has been waited for longest is closed for a new one; if all are being
answered, the new one is refused with 503. The limit leaves descriptors for accepting connections and for the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import logging
import socket
import sys
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from pgjobs.web.errors import SOON
from pgjobs.web.joined import Joined
from pgjobs.web.limits import LONG_BODY, Limits

logger = logging.getLogger(__name__)

WARN_SECONDS = 10.0


class Phase(enum.Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    ANSWER = "answer"
    IDLE = "idle"
    SEND = "send"


WAITING = (Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.SEND)


class BoundedProtocol(H11Protocol):
    """A connection that no client can hold open for ever, and that never keeps others from being accepted."""

    limits = Limits(connections=500)
    _warned_at = float("-inf")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.phase = Phase.HEAD
        self.since = self.loop.time()
        self._request: object = None
        self._received = False
        self._deadline: asyncio.TimerHandle | None = None
        self._long, self._came = False, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Accept a connection, or refuse it if none can be closed for it."""
        self._joined = Joined(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._joined))
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            # What leaves in two writes would wait for the acknowledgement of the first one, 40 ms where the client
            # delays it. asyncio sets this only for sockets made with IPPROTO_TCP.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._enter(Phase.HEAD)
        if len(self.connections) > self.limits.connections and not self._make_room():
            self.refuse(503, "too_many_connections", "too many connections are open", "close some, or try again")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the first byte after an answer begins the next request."""
        if self.transport.is_closing():
            return
        self._received = True
        self._came += len(data)
        if self.phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """A request is answered."""
        self._joined.flush()
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        """The client reads its answer more slowly than it is made."""
        super().pause_writing()
        self._enter(Phase.SEND)

    def resume_writing(self) -> None:
        """The client has read most of it."""
        super().resume_writing()
        self._follow()

    def shutdown(self) -> None:
        """Let an answer that is being made be sent; a request that is not complete is refused."""
        if self.phase is Phase.BODY and self._unanswered:
            self.refuse(503, "shutting_down", "the service ends before the request was complete", "send it again")
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's own signature
        """Answer a request that is not HTTP; called while uvicorn handles the error."""
        hinted = getattr(sys.exc_info()[1], "error_status_hint", 400)
        status = hinted if 400 <= hinted < 500 else 400
        self.refuse(status, "bad_request", "this is not a request of HTTP/1.1, or it is too long", "mend the request")

    def refuse(self, status: int, code: str, sentence: str, hint: str) -> None:
        """Answer instead of the application, if an answer can still be sent, and close."""
        begun, cycle = False, self._unanswered
        if cycle is not None:
            # The application sees that the client is gone, and its answer is dropped.
            begun = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
        if not begun and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            body = json.dumps({"error": sentence, "code": code, "hint": hint}).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", b"no-store"),
                (b"connection", b"close"),
                *((name.lower().encode(), text.encode()) for name, text in (SOON if status == 503 else {}).items()),
            ]
            head = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase.encode())
            with contextlib.suppress(h11.LocalProtocolError):
                parts = [self.conn.send(event) for event in (head, h11.Data(data=body), h11.EndOfMessage())]
                self.transport.write(b"".join(part for part in parts if part))
        self.transport.close()
        self._enter(Phase.SEND)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: HTTP lets a server ignore the wish for another protocol."""

    @property
    def _unanswered(self) -> RequestResponseCycle | None:
        """The request that is being answered; uvicorn's type hides that there may be none yet."""
        cycle: RequestResponseCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _follow(self) -> None:
        """Enter the phase that follows from the state of the connection."""
        if self.transport.is_closing() or self.flow.write_paused:
            phase = Phase.SEND
        elif self.conn.their_state is h11.SEND_BODY:
            phase = Phase.BODY
        elif self._unanswered:
            phase = Phase.ANSWER
        elif self.transport.get_write_buffer_size():
            phase = Phase.SEND
        elif self.cycle is not self._request or self.phase is not Phase.HEAD:
            phase = Phase.IDLE
        else:
            phase = Phase.HEAD
        # What still comes of an upload that is answered already is for nobody.
        if phase is not self.phase or self.cycle is not self._request or (self._long and not self._unanswered):
            self._enter(phase)

    def _enter(self, phase: Phase) -> None:
        self._disarm()
        if (cycle := self._unanswered) is not None and cycle is not self._request:
            cycle.scope["extensions"] = cast("Any", {LONG_BODY: self._take_long})
        self.phase, self.since, self._request, self._long = phase, self.loop.time(), self.cycle, False
        if phase in (Phase.HEAD, Phase.BODY):
            self._deadline = self.loop.call_later(self.limits.request_seconds, self._overdue)
        elif phase is Phase.SEND:
            self._deadline = self.loop.call_later(self.limits.send_seconds, self._overdue)

    def _take_long(self) -> None:
        """The application reads a file: from now on it is enough that it keeps coming."""
        if self.phase is Phase.BODY:
            self._long = True
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        """Look again in a while; what is not read because we are slow counts as come."""
        self._disarm()
        self.since = self.loop.time()
        self._came = self.limits.upload_bytes if self.flow.read_paused else 0
        self._deadline = self.loop.call_later(self.limits.upload_seconds, self._look_again)

    def _look_again(self) -> None:
        if self._came >= self.limits.upload_bytes or self.flow.read_paused:
            self._wait_for_more()
        else:
            self._overdue()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        logger.debug("%s: no %s within its time, closed", self.client, self.phase.value)
        if self.phase is Phase.SEND or self.transport.is_closing():
            self.transport.abort()
        elif self._received:
            self.refuse(408, "request_timeout", self.limits.too_slow(upload=self._long), "send head and body in one go")
        else:
            self.transport.close()

    def _make_room(self) -> bool:
        """Close the connection whose client was waited for longest, idle ones first; False if all are answered now."""
        self._warn()
        others = [other for other in self.connections if other is not self and isinstance(other, BoundedProtocol)]
        waiting = [other for other in others if other.phase in WAITING]
        if not waiting:
            return False
        oldest = min(waiting, key=lambda other: (other.phase is not Phase.IDLE, other.since))
        oldest.transport.abort()
        # Its end is reported in the next turn of the loop; more connections may be accepted in this one.
        self.connections.discard(oldest)
        return True

    def _warn(self) -> None:
        """Warn at most every WARN_SECONDS, not for each connection."""
        cls, now = type(self), self.loop.time()
        if now - cls._warned_at >= WARN_SECONDS:
            cls._warned_at = now
            logger.warning(
                "%s connections are open, as many as there may be: those that wait longest are closed for new ones",
                self.limits.connections,
            )


def bounded(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol with these limits, as a class, for uvicorn takes one."""
    return cast("type[asyncio.Protocol]", type("BoundedProtocol", (BoundedProtocol,), {"limits": limits}))
