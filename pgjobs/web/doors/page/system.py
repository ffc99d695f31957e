"""The pages about the system: daemons, agents, queues and what is wrong with them; the alerts; the recurring tasks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import NUMBER, Query, empty_too
from pgjobs.web.doors.page.doc import shown
from pgjobs.web.doors.page.render import ask, page
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import query

TASKS = 50
"""Tasks on one page."""


async def system(request: Request) -> Response:
    """Everything that is not a job."""
    query(request)
    return page(request, "system.html", system=await ask(request, "pgjobs.page_system()"))


async def tasks(request: Request) -> Response:
    """The recurring tasks, the newest first."""
    before = query(request, "before").job_number("before")
    found = await ask(request, "pgjobs.page_tasks(%s, %s)", before, TASKS)
    return page(request, "tasks.html", tasks=found, before=before, limit=TASKS)


async def alerts(request: Request) -> Response:
    """What is wrong now, and what to do."""
    query(request)
    return page(request, "alerts.html", **await ask(request, "pgjobs.page_alerts()"))


OLDER = Query("before", empty_too(NUMBER), "those with a smaller number than this")
ENDPOINTS = (
    Endpoint("/system", system, "read", ("GET",), shown("Daemons, agents, queues and what is wrong with them")),
    Endpoint("/alerts", alerts, "read", ("GET",), shown("What is wrong now, and what to do")),
    Endpoint("/tasks", tasks, "read", ("GET",), shown("The recurring tasks", OLDER)),
)
