"""The page of a job: whether it moves, how far it is, what became of its records, its fields, and what happened."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doors.page.doc import JOB, shown
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import path_number, query


async def job(request: Request) -> Response:
    """One job."""
    query(request)
    found = await ask(request, "pgjobs.page_job(%s)", path_number(request, "id"))
    return page(request, "job.html", **found)


ENDPOINTS = (Endpoint("/job/{id:number}", job, "read", ("GET",), shown("The page of a job", path=JOB)),)
