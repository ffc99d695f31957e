"""Jobs as resources: create one, read it, change what may be changed, and what became of its records."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.body import json_body, once
from pgjobs.web.calls import actor, answer, database
from pgjobs.web.doors.cms import doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import json_response
from pgjobs.web.etag import etag, if_match
from pgjobs.web.parameters import path_number, query

MOST_BYTES = 256 * 1024
"""Params and configuration may have 64 KB each, and more where they are written with blanks or escapes."""
PARTS = "select a -> 'job' ->> 'id', (a -> 'job')::text, a ->> 'revision' from {} a"
"""Of what whole_job() answers with: number, JSON, revision."""


async def create(request: Request) -> Response:
    """Insert a job."""
    query(request)
    given = await json_body(request, MOST_BYTES)
    call = PARTS.format("pgjobs.create_job(%s, %s, %s)")
    ((number, job, revision),) = await database(request).rows(call, json.dumps(given), actor(request), once(request))
    request.state.parameters = {"id": number}
    return json_response(job, 201, {"Location": f"/jobs/{number}"} | etag(revision))


async def show(request: Request) -> Response:
    """One job with all that can be written."""
    query(request)
    call = PARTS.format("pgjobs.whole_job(%s)")
    ((_, job, revision),) = await database(request).rows(call, path_number(request, "id"), reading=True)
    return json_response(job, 200, etag(revision))


async def change(request: Request) -> Response:
    """Write some columns of a job."""
    query(request)
    number, revisions = path_number(request, "id"), if_match(request)
    given = await json_body(request, MOST_BYTES)
    request.state.parameters = {name: json.dumps(value) for name, value in given.items()}
    call = PARTS.format("pgjobs.change_job(%s, %s, %s, %s)")
    args = number, json.dumps(given), actor(request), revisions
    ((_, job, revision),) = await database(request).rows(call, *args)
    return json_response(job, 200, etag(revision))


async def outcomes(request: Request) -> Response:
    """How many records were sent, and how many were not, by reason."""
    query(request)
    call = "select pgjobs.list_outcomes(%s)::text"
    return await answer(request, call, path_number(request, "id"), reading=True)


async def events(request: Request) -> Response:
    """A page of what happened to a job, the oldest first."""
    given = query(request, "limit", "after")
    page = given.whole("limit"), given.whole("after")
    call = "select pgjobs.list_events(%s, %s, %s)::text"
    return await answer(request, call, path_number(request, "id"), *page, reading=True)


ENDPOINTS = (
    Endpoint("/jobs", create, "control", ("POST",), doc.CREATE, has_json=True),
    Endpoint("/jobs/{id:number}", show, "read", ("GET",), doc.SHOW),
    Endpoint("/jobs/{id:number}", change, "control", ("PATCH", "POST"), doc.CHANGE),
    Endpoint("/jobs/{id:number}/outcomes", outcomes, "read", ("GET",), doc.OUTCOMES),
    Endpoint("/jobs/{id:number}/events", events, "read", ("GET",), doc.EVENTS),
)
