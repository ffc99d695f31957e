"""An endpoint: one path of a door, the methods it takes, the scope a caller needs, and the handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pgjobs.web.doc import Doc

Scope = Literal["open", "read", "control"]
"""What a caller has to be allowed at this door: nothing (open), to look (read), to change something (control)."""


class Endpoint(NamedTuple):
    """One row of a door's table; the path may have parameters, as in /jobs/{id}.

    Several endpoints may have the same path, each with other methods.
    """

    path: str
    handler: Callable[[Request], Awaitable[Response]]
    scope: Scope
    methods: tuple[str, ...] = ("GET", "POST")
    doc: Doc | None = None

    def route(self) -> Route:
        """The route of Starlette."""
        route = Route(self.path, self.handler, methods=self.methods)
        if self.scope == "control" and route.methods:
            # Starlette would answer HEAD like GET, and a link checker must not start a job.
            route.methods.discard("HEAD")
        return route
