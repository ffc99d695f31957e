"""The events of a job, newest first, page by page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import NUMBER, Query, empty_too
from pgjobs.web.doors.page.doc import JOB, shown
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import path_number, query

LIMIT = 100


async def events(request: Request) -> Response:
    """A page of them."""
    number, before = path_number(request, "id"), query(request, "before").job_number("before")
    found = await ask(request, "pgjobs.page_events(%s, %s, %s)", number, before, LIMIT)
    return page(request, "events.html", job={"id": number}, events=found, before=before, limit=LIMIT)


ENDPOINTS = (
    Endpoint(
        "/job/{id:number}/events",
        events,
        "read",
        ("GET",),
        shown(
            "What happened to a job",
            Query("before", empty_too(NUMBER), "those that came before the event of this number"),
            path=JOB,
        ),
    ),
)
