"""The web process as one Starlette application: doors are data, resources live as long as it does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from pgjobs.settings import Settings
from pgjobs.web import health, metrics
from pgjobs.web.access import AccessLog
from pgjobs.web.doors import cms
from pgjobs.web.errors import Problem, on_disconnect, on_failure, on_http_exception, on_problem
from pgjobs.web.hosts import Browsers
from pgjobs.web.identity import Tokens
from pgjobs.web.pool import Database

DOORS = (*cms.DOORS, *metrics.DOORS, *health.DOORS)
HANDLERS = {
    Problem: on_problem,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
    Exception: on_failure,
}


def create_app(settings: Settings) -> Starlette:
    """The application; it opens connections when the first call comes."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.database = Database(settings.database_url)
        app.state.readiness = health.Readiness(app.state.database)
        try:
            yield
        finally:
            await app.state.database.close()

    scopes = {door.path: door.scope for door in DOORS}
    middleware = [
        Middleware(AccessLog, scopes=scopes),
        Middleware(Browsers, settings=settings, scopes=scopes),
    ]
    if settings.http_auth:
        middleware.append(Middleware(Tokens, scopes=scopes))
    app = Starlette(
        routes=[door.route() for door in DOORS],
        middleware=middleware,
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
    # A slash too many is another path; a redirect would only hide which one is meant.
    app.router.redirect_slashes = False
    return app
