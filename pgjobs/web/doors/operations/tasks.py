"""Tasks: operation jobs that come again and again."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.body import once
from pgjobs.web.calls import actor, answer, database, value
from pgjobs.web.doc import IF_MATCH, ONCE, Answer, Body, Doc, Query
from pgjobs.web.doors.operations.answers import page
from pgjobs.web.doors.operations.documents import (
    FLAG,
    JOB,
    MOMENT,
    NUMBER,
    OBJECT,
    PAGE,
    REFUSED,
    REQUEST,
    RESOURCE_TYPE,
    TEXT,
    array,
    optional,
    record,
    whole_record,
)  # fmt: skip
from pgjobs.web.doors.operations.jobs import inner, named, settings
from pgjobs.web.doors.operations.schema import check_parameters
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import json_response
from pgjobs.web.etag import etag, if_match
from pgjobs.web.parameters import query

PATH = "/operation/tasks"
ONE = PATH + "/{taskId}"


async def create(request: Request) -> Response:
    """Create a task, and with it its first job."""
    resource_type = query(request, "resourceType").text("resourceType")
    task = await inner(request, "task")
    job = task.get("job")
    await check_parameters(request, job.get("request") if isinstance(job, dict) else None)
    columns = "answer ->> 'id', answer::text, revision"
    call = f"select {columns} from pgjobs.create_operation_task(%s::json, %s, %s, %s, %s::jsonb)"  # noqa: S608 of these
    most = settings(request).operations_entities
    arguments = json.dumps(task), resource_type, most, actor(request), once(request)
    number, text, revision = (await database(request).rows(call, *arguments))[0]
    location = f"{request.scope['root_path']}{PATH}/{number}"
    return json_response(text, 201, {"Location": location} | etag(revision))


async def tasks(request: Request) -> Response:
    """A page of the tasks."""
    given = query(request, "start", "size")
    call = "select pgjobs.list_operation_tasks(%s, %s)::text"
    return page(await value(request, call, given.whole("start"), given.whole("size"), reading=True))


async def show(request: Request) -> Response:
    """A task."""
    query(request)
    call = "select answer::text, revision from pgjobs.show_operation_task(%s)"
    text, revision = (await database(request).rows(call, named(request, "taskId"), reading=True))[0]
    return json_response(text, headers=etag(revision))


async def update(request: Request) -> Response:
    """Change a task, pause it, or let it go on."""
    query(request, "resourceType")
    task = await inner(request, "task")
    call = "select answer::text, revision from pgjobs.update_operation_task(%s, %s::jsonb, %s, %s)"
    arguments = named(request, "taskId"), json.dumps(task), actor(request), if_match(request)
    text, revision = (await database(request).rows(call, *arguments))[0]
    return json_response(text, headers=etag(revision))


async def delete(request: Request) -> Response:
    """Delete a task, with its job that waits."""
    query(request)
    call = "select pgjobs.delete_operation_task(%s, %s, %s)::text"
    return await answer(request, call, named(request, "taskId"), actor(request), if_match(request))


async def jobs(request: Request) -> Response:
    """A page of the jobs that a task has made."""
    given = query(request, "start", "size")
    call = "select pgjobs.list_task_jobs(%s, %s, %s)::text"
    arguments = named(request, "taskId"), given.whole("start"), given.whole("size")
    return page(await value(request, call, *arguments, reading=True))


PERIOD = record("each", "unit", each=NUMBER, unit={"enum": ["MINUTES", "HOURS", "DAYS"]}, zone=TEXT)
PATTERN = record(
    "time",
    time={"type": "string", "examples": ["22:44:13+01:00"]},
    zone=TEXT,
    daily=optional(record()),
    weekly=optional(record("days", days=array(TEXT))),
    monthly=optional(record("day", day=NUMBER, months=optional(array(TEXT)))),
    yearly=optional(record("day", "month", day=NUMBER, month=TEXT)),
    definedPatternNumber=NUMBER,
)
REPEATING = record(period=optional(PERIOD), pattern=optional(PATTERN))
SCHEDULE = record(
    start=optional(record(date=optional(MOMENT))),
    stop=optional(record(date=optional(MOMENT), executions=NUMBER)),
    repeating=REPEATING,
)
STATE = {"enum": ["ACTIVE", "INACTIVE", "FINISHED"]}
SHOWN = {
    "id": TEXT,
    "name": TEXT,
    "description": TEXT,
    "active": {"type": "boolean"},
    "status": STATE,
    "state": STATE,
    "job": whole_record(request=OBJECT),
    "schedule": SCHEDULE,
    "executions": {"type": "integer", "minimum": 0},
    "user": {"type": ["string", "null"]},
}
TASK = whole_record(**SHOWN)
CHANGED = whole_record(id=TEXT, task=TASK)
CREATED = whole_record(id=TEXT, task=TASK, report=whole_record(target=REFUSED))
NEW = record(
    "job", "schedule",
    active=FLAG, name=optional(TEXT), description=optional(TEXT), job=whole_record(request=REQUEST),
    schedule=SCHEDULE | {"required": ["repeating"]},
)  # fmt: skip
CHANGE = record(
    **{key: {} for key in SHOWN} | {"active": FLAG, "name": TEXT, "description": TEXT, "schedule": SCHEDULE}
)
PAGES = (
    Query("start", {"type": "integer", "minimum": 0}, "the page, from 1; 0 is the first one, too"),
    Query("size", {"type": "integer", "minimum": 1, "maximum": 1000}, "how many a page has: 10, if not given"),
)
ETAG = {"ETag": "the revision of the task, for If-Match"}
NO_MORE = Answer("there are no more")

ENDPOINTS = (
    Endpoint(PATH, create, "control", ("POST",), Doc(
        "create a task", {201: Answer("the task", CREATED, headers={"Location": "where the task is"} | ETAG)},
        query=(RESOURCE_TYPE,), body=Body(whole_record(task=NEW)), headers=(ONCE,),
    )),
    Endpoint(PATH, tasks, "read", ("GET",), Doc(
        "a page of the tasks, the newest first",
        {200: Answer("the page", whole_record(tasks=array(TASK), page=PAGE)), 204: NO_MORE}, query=PAGES,
    )),
    Endpoint(ONE, show, "read", ("GET",), Doc(
        "a task", {200: Answer("the task", whole_record(task=TASK), headers=ETAG)},
    )),
    Endpoint(ONE, update, "control", ("PUT",), Doc(
        "change a task, pause it, or let it go on", {200: Answer("the task", CHANGED, headers=ETAG)},
        query=(RESOURCE_TYPE,), body=Body(whole_record(task=CHANGE)), headers=(IF_MATCH,),
    )),
    Endpoint(ONE, delete, "control", ("DELETE",), Doc(
        "delete a task, with its job that waits", {200: Answer("what the task was", CHANGED)}, headers=(IF_MATCH,),
    )),
    Endpoint(ONE + "/jobs", jobs, "read", ("GET",), Doc(
        "a page of the jobs that a task has made, the last one first",
        {200: Answer("the page", whole_record(job=array(JOB), jobs=array(JOB), page=PAGE)), 204: NO_MORE}, query=PAGES,
    )),
)  # fmt: skip
