"""Pages of other origins: those that a door's setting names may call the door and read its answers."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pgjobs.web.errors import HEADERS

METHODS = "GET, POST, PUT"
ALLOWED = "Authorization, Bearer, Content-Type, Idempotency-Key"
SECONDS = "600"
"""So long a browser need not ask again."""


def origins(text: str) -> frozenset[str]:
    """The origins of a setting, which are separated by commas."""
    return frozenset(origin for origin in text.split(",") if origin)


class Cors:
    """Middleware: answers what a browser asks before a call, and notes the headers that each answer has to have."""

    def __init__(self, app: ASGIApp, known: frozenset[str]) -> None:
        self._app = app
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer the question."""
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        own = {"Vary": "Origin"}
        if origin in self._known:
            own |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
        if scope["method"] == "OPTIONS" and origin and "access-control-request-method" in headers:
            if origin in self._known:
                own |= {
                    "Access-Control-Allow-Methods": METHODS,
                    "Access-Control-Allow-Headers": ALLOWED,
                    "Access-Control-Max-Age": SECONDS,
                }
            await Response(status_code=200, headers=HEADERS | own)(scope, receive, send)
            return
        # Errors are written outside of this middleware, so whoever writes an answer takes the headers from here.
        scope["state"]["cors"] = own
        await self._app(scope, receive, send)
