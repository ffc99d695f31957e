"""Operation jobs: create, look at, change and cancel them, and look at their operations."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.settings import Settings
from pgjobs.web.body import json_body, once
from pgjobs.web.calls import actor, database, value
from pgjobs.web.doors.operations import documents
from pgjobs.web.doors.operations.answers import page
from pgjobs.web.doors.operations.schema import check_parameters
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, clipped, json_response
from pgjobs.web.etag import etag, if_match
from pgjobs.web.parameters import query

PATH = "/operation/jobs"
ONE = PATH + "/{jobId}"


async def create(request: Request) -> Response:
    """Create a job, with the entities that it names."""
    resource_type = query(request, "resourceType").text("resourceType")
    job = await inner(request, "job")
    await check_parameters(request, job.get("request"))
    call = "select id, answer::text, revision from pgjobs.create_operation_job(%s::json, %s, %s, %s, %s::jsonb)"
    most = settings(request).operations_entities
    rows = await database(request).rows(call, json.dumps(job), resource_type, most, actor(request), once(request))
    number, text, revision = rows[0]
    location = f"{request.scope['root_path']}{PATH}/{number}"
    return json_response(text, 201, {"Location": location} | etag(revision))


async def show(request: Request) -> Response:
    """A job and its report."""
    query(request)
    call = "select answer::text, revision from pgjobs.show_operation_job(%s)"
    text, revision = (await database(request).rows(call, named(request, "jobId"), reading=True))[0]
    return json_response(text, headers=etag(revision))


async def update(request: Request) -> Response:
    """Change a job, pause it, or let it go on."""
    query(request, "resourceType")
    number = named(request, "jobId")
    job = await inner(request, "job")
    await check_parameters(request, job.get("request"), number)
    call = "select answer::text, revision from pgjobs.update_operation_job(%s, %s::jsonb, %s, %s, %s)"
    most = settings(request).operations_entities
    arguments = number, json.dumps(job), most, actor(request), if_match(request)
    text, revision = (await database(request).rows(call, *arguments))[0]
    return json_response(text, headers=etag(revision))


async def cancel(request: Request) -> Response:
    """Cancel a job for good."""
    query(request)
    call = "select answer::text, revision from pgjobs.cancel_operation_job(%s, %s, %s)"
    arguments = named(request, "jobId"), actor(request), if_match(request)
    text, revision = (await database(request).rows(call, *arguments))[0]
    return json_response(text, headers=etag(revision))


async def operations(request: Request) -> Response:
    """A page of the operations of a job."""
    given = query(request, "start", "size")
    call = "select pgjobs.list_operations(%s, %s, %s)::text"
    arguments = named(request, "jobId"), given.whole("start"), given.whole("size")
    return page(await value(request, call, *arguments, reading=True))


async def operation(request: Request) -> Response:
    """One operation of a job."""
    query(request)
    call = "select pgjobs.show_operation(%s, %s)::text"
    arguments = named(request, "jobId"), named(request, "operationId")
    return json_response(await value(request, call, *arguments, reading=True))


async def inner(request: Request, name: str) -> dict[str, Any]:
    """What lies under this one key of the body, as {"job": {…}} has it."""
    body = await json_body(request, settings(request).operations_body)
    for other in body:
        if other != name:
            sentence = f"{clipped(other)}: there is no such field"
            raise Problem(400, "forbidden_field", sentence, f'send {{"{name}": {{…}}}}', field=other[:100])
    found = body.get(name)
    if not isinstance(found, dict):
        raise Problem(400, "bad_request", f"{name}: it is no JSON object", f'send {{"{name}": {{…}}}}', field=name)
    return found


def named(request: Request, parameter: str) -> str:
    """A parameter of the path as the database can read it: what has a zero character names nothing."""
    found: str = request.path_params[parameter]
    return found.replace("\0", "\ufffd")


def settings(request: Request) -> Settings:
    """The settings of this process."""
    found: Settings = request.app.state.settings
    return found


ENDPOINTS = (
    Endpoint(PATH, create, "control", ("POST",), documents.CREATE),
    Endpoint(ONE, show, "read", ("GET",), documents.SHOW),
    Endpoint(ONE, update, "control", ("PUT",), documents.UPDATE),
    Endpoint(ONE, cancel, "control", ("DELETE",), documents.CANCEL),
    Endpoint(ONE + "/operations", operations, "read", ("GET",), documents.OPERATIONS),
    Endpoint(ONE + "/operations/{operationId}", operation, "read", ("GET",), documents.OPERATION),
)
