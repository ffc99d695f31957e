"""The access log: one line for each request that changes something: who, what, and the answer; reads at DEBUG."""

from __future__ import annotations

import asyncio
import logging
import re
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import INCOMPLETE, Problem, clipped, problem_response
from pgjobs.web.identity import Identity

logger = logging.getLogger(__name__)
SUBSCRIPTION = re.compile(r"(?<=/sub/)[^/]+")
"""In a path of the partner door, what only its caller should know."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9_/.-]+")


class AccessLog:
    """Middleware: logs every request, and answers one that the end of the process cuts short."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and log its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["began"] = time.time(), time.monotonic()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if status:
                raise
            hint = "look at /jobs/status, or for /api at pgjobs.api_requests, before you repeat it"
            problem = Problem(503, "shutting_down", "the service ends before the call was answered", hint)
            await problem_response(Request(scope), problem)(scope, receive, send_and_note)
        finally:
            self._log(scope, status)

    def _log(self, scope: Scope, status: int) -> None:
        """One line about a request; `state` holds what the Guard, the parameters and the errors have noted."""
        state = scope["state"]
        endpoint: Endpoint | None = state.get("endpoint")
        change = endpoint is not None and endpoint.scope == "control"
        level = logging.INFO if change else logging.DEBUG
        if status >= (400 if change else 500) and state.get("code") != INCOMPLETE:
            level = logging.WARNING
        if not logger.isEnabledFor(level):
            return
        path = SUBSCRIPTION.sub("...", scope["path"])
        path = path if endpoint and PLAIN_PATH.fullmatch(path) else clipped(path)
        given = "".join(f" {name}={_word(value)}" for name, value in state.get("parameters", {}).items())
        identity: Identity | None = state.get("identity")
        caller = f" by {identity.name}" if identity and identity.authenticated else ""
        client = scope.get("client")
        answer = f"{status} {state['code']}" if "code" in state else str(status or "no answer")
        where = client[0] if client else "unknown"
        logger.log(level, "%s %s%s%s from %s: %s", _word(scope["method"]), path, given, caller, where, answer)


def _word(text: str) -> str:
    """A word as it is, anything else quoted."""
    return text if text.isascii() and text.isalnum() and len(text) <= 60 else clipped(text)
