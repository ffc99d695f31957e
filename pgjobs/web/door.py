"""A door: one HTTP contract, with its own paths, its own way to know a caller and its own way to write errors.

A request passes AccessLog, the mount of its door, and the door's Guard, which finds the endpoint and the caller; then
the endpoint's handler calls one SQL function. Whatever is raised on this way as a Problem is written by the door.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pgjobs.errors import SettingsError
from pgjobs.settings import Settings
from pgjobs.web.accept import wants_page
from pgjobs.web.cors import Cors, origins
from pgjobs.web.doc import DoorDoc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.endpoint import Scope as Needed
from pgjobs.web.errors import Problem, Renderer, clipped, json_problem
from pgjobs.web.hosts import Browsers
from pgjobs.web.identity import Authentication, anonymous, bearer_token, require


@dataclass(frozen=True)
class Door:
    """One HTTP contract. `name` is that of its scopes; `prefix` is where it is mounted, an empty one is the root.

    `prefix_setting` names the setting that says where it is mounted instead, `origins_setting` the one that has the
    origins whose pages may call it. `shares_root`: it lies at the root beside another door. Its own are only paths that
    begin as one of its endpoints does, and those that neither door has, where a browser asks for them. `for_browsers`:
    people look at it, and their browsers send its credentials by themselves.
    """

    name: str
    prefix: str
    endpoints: tuple[Endpoint, ...]
    authenticate: Authentication = bearer_token
    render: Renderer = json_problem
    doc: DoorDoc | None = None
    prefix_setting: str = ""
    origins_setting: str = ""
    shares_root: bool = False
    for_browsers: bool = False

    def placed(self, settings: Settings) -> Door:
        """The door below the prefix that the settings have for it."""
        return dataclasses.replace(self, prefix=getattr(settings, self.prefix_setting)) if self.prefix_setting else self

    def origins(self, settings: Settings) -> frozenset[str]:
        """The origins whose pages may call it."""
        return origins(getattr(settings, self.origins_setting)) if self.origins_setting else frozenset()

    def mount(self, settings: Settings, beside: Iterable[BaseRoute] = ()) -> Mount:
        """The door as Starlette mounts it; `beside`: the routes of the door that it shares the root with."""
        routes = [endpoint.route() for endpoint in self.endpoints]
        middleware = [Middleware(Guard, door=self, routes=routes, settings=settings)]
        if self.origins_setting:
            middleware.insert(0, Middleware(Cors, known=self.origins(settings)))
        if self.shares_root:
            return _SharedRoot(self.prefix, routes, middleware, tuple(beside))
        return _Mount(self.prefix, routes=routes, middleware=middleware)

    def need_own_prefix(self, others: Iterable[Door]) -> None:
        """Refuse a prefix that would hide paths of another door."""
        for other in others:
            for path in (other.prefix, *(other.prefix + endpoint.path for endpoint in other.endpoints)):
                if other is not self and f"{path}/".startswith(f"{self.prefix}/"):
                    name = f"PGJOBS_{self.prefix_setting.upper()}"
                    raise SettingsError(f"{name} {self.prefix!r}: the path {path} lies there", "choose another prefix")


class _Mount(Mount):
    """A mount that has its prefix without a slash as well, so that a door answers all that lies there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this door."""
        bare = self.path and scope["path"] == scope.get("root_path", "") + self.path
        return super().matches({**scope, "path": f"{scope['path']}/"} if bare else scope)


class _SharedRoot(Mount):
    """A mount at the root for paths whose first word is that of one of its routes, and for the root itself.

    A path that no route `beside` it takes is its own as well where a browser asks for a page.
    """

    def __init__(
        self, prefix: str, routes: list[Route], middleware: list[Middleware], beside: tuple[BaseRoute, ...]
    ) -> None:
        super().__init__(prefix, routes=routes, middleware=middleware)
        self._words = {route.path.split("/")[1] for route in routes}
        self._beside = beside

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for this door."""
        path = scope["path"]
        word = path.split("/")[1] if path.startswith("/") else None
        own = path == "/" if not word else word in self._words
        return super().matches(scope) if own or self._is_lost(scope) else (Match.NONE, {})

    def _is_lost(self, scope: Scope) -> bool:
        """Whether somebody's browser asks for what there is nowhere."""
        if scope["type"] != "http" or not wants_page(Headers(scope=scope)):
            return False
        return all(route.matches(scope)[0] is Match.NONE for route in self._beside)


class Guard:
    """Middleware of a door: lets a request through to its endpoint if host, origin and caller are allowed.

    A path that no endpoint has needs control, so that a caller without a token learns nothing about paths; at a door
    for browsers it needs what its pages need.
    """

    def __init__(
        self,
        app: ASGIApp,  # noqa: ARG002 it would look for the route once more, so the route is called instead
        door: Door,
        routes: list[Route],
        settings: Settings,
    ) -> None:
        self._door = door
        self._table = list(zip(door.endpoints, routes, strict=True))
        self._browsers = Browsers(settings, door.origins(settings), for_browsers=door.for_browsers)
        self._unknown: Needed = "read" if door.for_browsers else "control"
        self._authenticate = door.authenticate if settings.http_auth else anonymous

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or raise a Problem."""
        endpoint, methods = self._find(scope)
        request = Request(scope)
        request.state.render, request.state.endpoint = self._door.render, endpoint
        needed = endpoint.scope if endpoint else self._unknown
        self._browsers.check(request.headers, needed, request.method)
        if needed != "open":
            request.state.identity = await self._authenticate(request, reading=needed == "read")
            require(request.state.identity, self._door.name, needed)
        if endpoint is None:
            raise Problem(404, "unknown_path", f"there is no path {clipped(request.url.path)}", self._ways())
        if request.method not in methods:
            allowed = ", ".join(sorted(methods))
            sentence = f"{clipped(request.url.path)} does not take {clipped(request.method)}"
            raise Problem(405, "wrong_method", sentence, f"use {allowed}", {"Allow": allowed})
        await scope["route"].handle(scope, receive, send)

    def _ways(self) -> str:
        """Where whoever asked for a path that there is not may go instead."""
        if self._door.for_browsers:
            return "look whether the address is right, or begin with the list of jobs"
        return f"the paths are {', '.join(sorted({self._door.prefix + one.shown for one in self._door.endpoints}))}"

    def _find(self, scope: Scope) -> tuple[Endpoint | None, set[str]]:
        """The endpoint of this path, preferably one that takes the method, and the methods that the path takes.

        Of one that takes the method, the scope is given the route and the parameters.
        """
        found, methods = None, set[str]()
        for endpoint, route in self._table:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child, route=route)
                return endpoint, route.methods or set()
            if match is Match.PARTIAL:
                found = found or endpoint
                methods |= route.methods or set()
        return found, methods
