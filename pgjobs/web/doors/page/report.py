"""The after-action report of a job: as one file of HTML that needs nothing else, and as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.calls import value
from pgjobs.web.doc import ANY_OBJECT, TEXT, Answer, Doc
from pgjobs.web.doors.page.doc import JOB
from pgjobs.web.doors.page.render import PAGE_HEADERS
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import json_response
from pgjobs.web.parameters import path_number, query
from pgjobs.web.report.document import policy, written


async def report(request: Request) -> Response:
    """The report as HTML; saved, it stays what it is."""
    text, name = await _read(request)
    headers = PAGE_HEADERS | {"Content-Security-Policy": policy()} | _named(f"{name}.html")
    return Response(written(text), headers=headers, media_type="text/html")


async def report_json(request: Request) -> Response:
    """The report as JSON, as SQL has made it."""
    text, name = await _read(request)
    return json_response(text, headers=PAGE_HEADERS | _named(f"{name}.json"))


async def _read(request: Request) -> tuple[str, str]:
    query(request)
    number = path_number(request, "id")
    text: str = await value(request, "select pgjobs.job_report(%s)::text", number, reading=True)
    return text, f"job-{number}-report"


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'inline; filename="{name}"'}


ENDPOINTS = (
    Endpoint(
        "/job/{id:number}/report",
        report,
        "read",
        ("GET",),
        Doc("What a job did, as one file", {200: Answer("The report.", TEXT, "text/html")}, path=JOB),
    ),
    Endpoint(
        "/job/{id:number}/report.json",
        report_json,
        "read",
        ("GET",),
        Doc("What a job did, as JSON", {200: Answer("The report.", ANY_OBJECT)}, path=JOB),
    ),
)
