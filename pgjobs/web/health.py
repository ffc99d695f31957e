"""Liveness and readiness: whether this process lives, and whether the database behind it takes changes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, json_response
from pgjobs.web.pool import Database
from pgjobs.web.problems import Unanswered

LOOK_SECONDS = 1.0
"""The database is looked at no more often, however many ask."""


class Readiness:
    """What the last look at the database has shown."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._problem: Problem | None = None

    async def check(self) -> None:
        """Return where the service can do its work, else raise what is in the way."""
        clock = asyncio.get_running_loop().time
        async with self._looking:
            if clock() - self._looked_at >= LOOK_SECONDS:
                self._problem = await self._look()
                self._looked_at = clock()
        if self._problem is not None:
            raise self._problem

    async def _look(self) -> Problem | None:
        asking = "select current_setting('transaction_read_only')::boolean"
        try:
            if await self._database.value(asking, reading=True):
                hint = "point PGJOBS_DATABASE_URL at the primary"
                return Unanswered("read_only", "the database is read-only at present", hint)
        except Problem as problem:
            return problem
        return None


async def healthz(_request: Request) -> Response:
    """This process lives; of the database it says nothing."""
    return json_response('{"ok": true}')


async def readyz(request: Request) -> Response:
    """The database answers, has our schema and takes changes."""
    readiness: Readiness = request.app.state.readiness
    await readiness.check()
    return json_response('{"ok": true}')


ENDPOINTS = (Endpoint("/healthz", healthz, "open"), Endpoint("/readyz", readyz, "open"))
