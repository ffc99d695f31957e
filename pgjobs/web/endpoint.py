"""A door: a path, who answers there, and the scope a token needs to open it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Scope = Literal["open", "read", "control"]


class Door(NamedTuple):
    """One row of the table of routes."""

    path: str
    endpoint: Callable[[Request], Awaitable[Response]]
    scope: Scope

    def route(self) -> Route:
        """The route of Starlette; GET and POST, for the CMS uses plain links."""
        route = Route(self.path, self.endpoint, methods=["GET", "POST"])
        if self.scope == "control" and route.methods:
            # Starlette would answer HEAD like GET, and a link checker must not start a job.
            route.methods.discard("HEAD")
        return route
