"""An endpoint: one path of a door, the methods it takes, the scope a caller needs, and the handler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple

from starlette.convertors import PathConvertor, StringConvertor, register_url_convertor
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope as Asgi

from pgjobs.web.body import is_json
from pgjobs.web.doc import Doc

Scope = Literal["open", "read", "control"]
"""What a caller has to be allowed at this door: nothing (open), to look (read), to change something (control)."""


KINDS = re.compile(r":\w+\}")


class Number(StringConvertor):
    """A whole number of any size in a path, as text: how large it may be is for the handler to say."""

    regex = "-?[0-9]+"


class AnyPath(PathConvertor):
    """The rest of a path, line breaks included: it stays with the door whose prefix it has."""

    regex = "(?s:.*)"


register_url_convertor("number", Number())
register_url_convertor("path", AnyPath())


class JsonRoute(Route):
    """A route that only sees requests whose body is JSON."""

    def matches(self, scope: Asgi) -> tuple[Match, Asgi]:
        """As a route does; but none where there is no body, or one of another kind."""
        headers = Headers(scope=scope)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        return super().matches(scope) if has_body and is_json(headers.get("content-type", "")) else (Match.NONE, {})


class Endpoint(NamedTuple):
    """One row of a door's table; the path may have parameters, as in /jobs/{id}.

    Several endpoints may have the same path, each with other methods.
    """

    path: str
    handler: Callable[[Request], Awaitable[Response]]
    scope: Scope
    methods: tuple[str, ...] = ("GET", "POST")
    doc: Doc | None = None
    has_json: bool = False
    """Only for requests with a body of JSON; the same path and method may be another endpoint for all others."""

    @property
    def shown(self) -> str:
        """The path as people write it: without the kinds of its parameters."""
        return KINDS.sub("}", self.path)

    def route(self) -> Route:
        """The route of Starlette."""
        route = (JsonRoute if self.has_json else Route)(self.path, self.handler, methods=self.methods)
        # Starlette would take a line break at the end of a path for none.
        route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")
        if self.scope == "control" and route.methods:
            # Starlette would answer HEAD like GET, and a link checker must not start a job.
            route.methods.discard("HEAD")
        return route
