"""The list of jobs, newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import NUMBER, Query, empty_too
from pgjobs.web.doors.page.doc import shown
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import query

LIMIT = 50


async def jobs(request: Request) -> Response:
    """A page of jobs."""
    before = query(request, "before").job_number("before")
    found = await ask(request, "pgjobs.list_jobs(null, null, %s, %s)", LIMIT, before)
    return page(request, "jobs.html", jobs=found, before=before, limit=LIMIT)


ENDPOINTS = (
    Endpoint(
        "/",
        jobs,
        "read",
        ("GET",),
        shown("The list of jobs", Query("before", empty_too(NUMBER), "those with a smaller number than this")),
    ),
)
