"""Liveness and readiness: whether this process answers, and whether its database accepts changes."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.pg.rights import WEB
from pgjobs.web.doc import Answer, Doc, record
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, json_response
from pgjobs.web.pool import Database
from pgjobs.web.problems import Unanswered, missing_right

CHECK_SECONDS = 1.0
"""Minimum seconds between two queries to the database, however many requests ask for readiness."""


class Readiness:
    """What the last query to the database has shown."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checking = asyncio.Lock()
        self._checked_at = float("-inf")
        self._problem: Problem | None = None

    async def check(self) -> None:
        """Return if the service can do its work; else raise the Problem that is in the way."""
        clock = asyncio.get_running_loop().time
        async with self._checking:
            if clock() - self._checked_at >= CHECK_SECONDS:
                self._problem = await self._query()
                self._checked_at = clock()
        if self._problem is not None:
            raise self._problem

    async def _query(self) -> Problem | None:
        asking = "select current_setting('transaction_read_only')::boolean, pgjobs.lacking_rights(%s)"
        try:
            ((read_only, lacking),) = await self._database.rows(asking, WEB, reading=True)
        except Problem as problem:
            return problem
        if read_only:
            hint = "point PGJOBS_DATABASE_URL at the primary"
            return Unanswered("read_only", "the database is read-only at present", hint)
        return missing_right(f"no right to {lacking}") if lacking else None


async def healthz(_request: Request) -> Response:
    """This process answers; this says nothing about the database."""
    return json_response('{"ok": true}')


async def readyz(request: Request) -> Response:
    """The database answers, has the schema of this version, grants what this process needs and accepts changes."""
    readiness: Readiness = request.app.state.readiness
    await readiness.check()
    return json_response('{"ok": true}')


OK = Answer("It does.", record({"ok": {"const": True}}))
ENDPOINTS = (
    Endpoint("/healthz", healthz, "open", ("GET",), Doc("Whether the process answers", {200: OK})),
    Endpoint("/readyz", readyz, "open", ("GET",), Doc("Whether the service can do its work", {200: OK})),
)
