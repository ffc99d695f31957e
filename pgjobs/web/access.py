"""The access log: one line for each call that changes something, with who, what and the answer; reads at DEBUG."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pgjobs.web import endpoint as doors
from pgjobs.web.errors import INCOMPLETE, Problem, clipped

logger = logging.getLogger(__name__)


class AccessLog:
    """Middleware: notes every call, and answers one that the end of the process cuts short."""

    def __init__(self, app: ASGIApp, scopes: Mapping[str, doors.Scope]) -> None:
        self._app = app
        self._scopes = scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on and log its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except asyncio.CancelledError:
            if status:
                raise
            hint = "look at /jobs/status, or for /api at pgjobs.api_requests, before you repeat it"
            ending = Problem(503, "shutting_down", "the service ends before the call was answered", hint)
            await ending.send(scope, receive, noting)
        finally:
            self._log(scope, status)

    def _log(self, scope: Scope, status: int) -> None:
        needed, told = self._scopes.get(scope["path"]), scope["state"]
        change = needed == "control"
        level = logging.INFO if change else logging.DEBUG
        if status >= (400 if change else 500) and told.get("code") != INCOMPLETE:
            level = logging.WARNING
        path = scope["path"] if needed else clipped(scope["path"])
        given = "".join(f" {name}={_word(value)}" for name, value in told.get("parameters", {}).items())
        token = f" by token {told['token']}" if "token" in told else ""
        client = scope.get("client")
        answer = f"{status} {told['code']}" if "code" in told else str(status or "no answer")
        where = client[0] if client else "unknown"
        logger.log(level, "%s %s%s%s from %s: %s", _word(scope["method"]), path, given, token, where, answer)


def _word(text: str) -> str:
    """A word as it is, anything else quoted."""
    return text if text.isascii() and text.isalnum() and len(text) <= 60 else clipped(text)
