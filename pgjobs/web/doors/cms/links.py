"""The links of the CMS: /jobs and its verbs, and /api for suspended subscriptions."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.calls import actor, answer, database
from pgjobs.web.doors.cms import doc
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import Problem, json_response
from pgjobs.web.etag import if_match
from pgjobs.web.parameters import read
from pgjobs.web.problems import Unanswered

FIRST_PAUSE, LAST_PAUSE = 0.01, 0.2
NOT_TAKEN = ("no_daemon", "daemons_busy")
"""Codes of api_response for a request whose time is over and that no daemon has taken."""


async def start(request: Request) -> Response:
    """Run a ready job now."""
    return await _change(request, "select pgjobs.start_job(%s, %s)::text")


async def stop(request: Request) -> Response:
    """Stop a ready or running job."""
    return await _change(request, "select pgjobs.stop_job(%s, %s)::text")


async def pause(request: Request) -> Response:
    """Hold a ready or running job back until it is resumed."""
    return await _change(request, "select pgjobs.pause_job(%s, %s)::text")


async def resume(request: Request) -> Response:
    """Continue a job that was paused, held or stopped, or broke off."""
    return await _change(request, "select pgjobs.resume_job(%s, %s)::text")


async def cancel(request: Request) -> Response:
    """Stop a job for good, also one that broke off or was stopped."""
    return await _change(request, "select pgjobs.cancel_job(%s, %s)::text")


async def status(request: Request) -> Response:
    """A page of the running jobs, or the one that is asked for."""
    given = await read(request, "id", "limit", "after")
    page = given.whole("limit"), given.whole("after")
    if "id" not in given:
        return await answer(request, "select pgjobs.running_jobs(%s, %s)::text", *page, reading=True)
    return await answer(request, "select pgjobs.show_job(%s)::text", given.job_id(), reading=True)


async def jobs(request: Request) -> Response:
    """A page of the list of jobs, newest first."""
    given = await read(request, "status", "type", "limit", "before")
    page = given.text("status"), given.text("type"), given.whole("limit"), given.job_number("before")
    return await answer(request, "select pgjobs.list_jobs(%s, %s, %s, %s)::text", *page, reading=True)


async def suspended(request: Request) -> Response:
    """Have a daemon publish suspended subscriptions, and answer with their number."""
    given = await read(request, "limit", "hours")
    limit, hours = given.whole("limit"), given.whole("hours")
    patience = request.app.state.settings.http_patience
    connections = database(request)
    number = await connections.value(
        "select pgjobs.request_suspended(%s, %s, %s, %s)", limit, hours, timedelta(seconds=patience), actor(request)
    )
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + patience, FIRST_PAUSE
    while clock() < deadline:
        try:
            published = await connections.value("select pgjobs.api_response(%s)", number, reading=True)
            if published is not None:
                return json_response(str(published))
        except Unanswered:
            # The request is stored in the database, so its answer is asked for again.
            pass
        except Problem as problem:
            if problem.code not in NOT_TAKEN:
                raise
            break  # by the database's clock its time is over already: withdraw it
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LAST_PAUSE)
    try:
        await connections.value("select pgjobs.withdraw_api_request(%s)", number)
        return json_response(str(await connections.value("select pgjobs.api_response(%s)", number)))
    except Unanswered as problem:
        sentence = f"the database went away, and what became of call {number} is not known"
        hint = "look at its row of pgjobs.api_requests before you call again"
        raise Problem(503, "call_unknown", sentence, hint) from problem


async def _change(request: Request, call: str) -> Response:
    """Answer with the job that a function has changed on behalf of the caller."""
    job = (await read(request, "id")).job_id()
    if if_match(request) is not None:
        hint = f"leave it out; PATCH /jobs/{job} looks at it, for what can be written there"
        raise Problem(400, "not_taken", "If-Match: this link does not look at it", hint, field="If-Match")
    return await answer(request, call, job, actor(request))


ENDPOINTS = (
    Endpoint("/jobs", jobs, "read", doc=doc.JOBS),
    Endpoint("/jobs/start", start, "control", doc=doc.START),
    Endpoint("/jobs/stop", stop, "control", doc=doc.STOP),
    Endpoint("/jobs/pause", pause, "control", doc=doc.PAUSE),
    Endpoint("/jobs/resume", resume, "control", doc=doc.RESUME),
    Endpoint("/jobs/cancel", cancel, "control", doc=doc.CANCEL),
    Endpoint("/jobs/status", status, "read", doc=doc.STATUS),
    Endpoint("/api", suspended, "control", doc=doc.SUSPENDED),
)
