"""The web process as one Starlette application: each door is a mount, and all of them share the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect

from pgjobs.settings import Settings
from pgjobs.web import docs, health, metrics
from pgjobs.web.access import AccessLog
from pgjobs.web.door import Door
from pgjobs.web.doors.cms import doc as cms_doc
from pgjobs.web.doors.cms import endpoints as cms
from pgjobs.web.doors.cms.files import Files
from pgjobs.web.doors.cms.log import DOWNLOADS
from pgjobs.web.doors.mailings import endpoints as mailings
from pgjobs.web.doors.operations import door as operations
from pgjobs.web.doors.page import door as page
from pgjobs.web.doors.page.hub import Hub
from pgjobs.web.doors.page.logs import SEARCHES
from pgjobs.web.doors.page.render import for_people
from pgjobs.web.doors.partner import endpoints as partner
from pgjobs.web.errors import Problem, json_problem, on_disconnect, on_failure, on_http_exception, on_problem
from pgjobs.web.limits import connection_limit
from pgjobs.web.openapi import document
from pgjobs.web.pool import Database
from pgjobs.web.turns import Turns

ROOT_DOOR = Door(
    "cms",
    "",
    (*cms.ENDPOINTS, *metrics.ENDPOINTS, *health.ENDPOINTS, *docs.ENDPOINTS),
    render=for_people(json_problem),
    doc=cms_doc.DOOR,
)
"""The door of the CMS has its paths at the root; what concerns the whole service lies beside them."""
DOORS: tuple[Door, ...] = (mailings.DOOR, partner.DOOR, operations.DOOR, page.DOOR)
"""The other doors, each below a prefix of its own, which a setting may change; the page shares the root."""
COMPRESSED_BYTES = 1024
"""Answers of so many bytes are compressed for whoever takes gzip; streams flow all the same, chunk by chunk."""
HANDLERS = {
    Problem: on_problem,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
    Exception: on_failure,
}


def create_app(settings: Settings, further: Iterable[Door] = ()) -> Starlette:
    """The application; it opens connections when the first request comes. `further` doors lie below a prefix each."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.database = Database(settings.database_url)
        app.state.readiness = health.Readiness(app.state.database)
        app.state.files = Files(settings)
        app.state.downloads = Turns(DOWNLOADS, "downloads")
        app.state.searches = Turns(SEARCHES, "searches of logs")
        viewers = connection_limit(settings.http_connections) // 2
        app.state.hub = Hub(settings.database_url, app.state.leaving, viewers)
        await app.state.files.clean()
        try:
            yield
        finally:
            await app.state.hub.close()
            await app.state.database.close()

    root = ROOT_DOOR.mount(settings)
    doors = [door.placed(settings) for door in (*DOORS, *further)]
    for door in doors:
        if door.prefix_setting:
            door.need_own_prefix((*doors, ROOT_DOOR))
    app = Starlette(
        # Of the doors at the root that of the page takes what a browser asks for and nobody has.
        routes=[
            *(door.mount(settings, root.routes) for door in sorted(doors, key=lambda each: each.shares_root)),
            root,
        ],
        middleware=[Middleware(AccessLog), Middleware(GZipMiddleware, minimum_size=COMPRESSED_BYTES, compresslevel=5)],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # Set when the process begins to end, for handlers that wait.
    app.state.leaving = asyncio.Event()
    app.state.documentation = docs.written(document((ROOT_DOOR, *doors), guarded=settings.http_auth))
    # No mount matches the path of "OPTIONS *" and the like.
    app.router.default = root.app
    # A slash too many is another path; a redirect would only hide that.
    app.router.redirect_slashes = False
    return app
