"""Tokens: with PGJOBS_HTTP_AUTH every door but the open ones asks for one, and compares digests only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pgjobs.web import endpoint as doors
from pgjobs.web.errors import Problem

CHALLENGE = {"WWW-Authenticate": "Bearer"}
HINT = "send the header Authorization: Bearer TOKEN"


def make_token() -> tuple[str, bytes]:
    """A new token, shown once, and its SHA-256, which is all that pgjobs.add_token() gets to know."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).digest()


class Tokens:
    """Middleware: lets a call through when its token may open the door; a path nobody knows needs control."""

    def __init__(self, app: ASGIApp, scopes: Mapping[str, doors.Scope]) -> None:
        self._app = app
        self._scopes = scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, or answer it with 401 or 403."""
        needed = self._scopes.get(scope["path"], "control") if scope["type"] == "http" else "open"
        if needed != "open":
            try:
                await _check(Request(scope), needed)
            except Problem as problem:
                await problem.send(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _check(request: Request, needed: doors.Scope) -> None:
    headers = request.headers.getlist("authorization")
    if not headers:
        raise Problem(401, "no_token", "this call needs a token", HINT, CHALLENGE)
    kind, _, token = headers[0].partition(" ")
    # Starlette reads headers as Latin-1, so this gives back the bytes that came.
    digest = hashlib.sha256(token.strip().encode("latin-1")).digest()
    holders = []
    if len(headers) == 1 and kind.lower() == "bearer" and token.strip():
        looking = "select name, scope from pgjobs.token_holder(%s)"
        holders = await request.app.state.database.rows(looking, digest, reading=needed == "read")
    if not holders:
        raise Problem(401, "bad_token", "this token is unknown or has expired", HINT, CHALLENGE)
    name, granted = holders[0]
    request.state.token = name
    if granted not in (needed, "control"):
        raise Problem(403, "forbidden", f"this token may {granted}, not {needed}", "use a token of scope control")
