"""A synchronous call: it is answered when its job has ended, or after half a minute with what the job is then."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request

from pgjobs.web.calls import actor, caller, value
from pgjobs.web.errors import Problem
from pgjobs.web.problems import Unanswered

SECONDS = 30.0
FIRST_PAUSE, LAST_PAUSE = 0.03, 1.0
MOST_WAITING = 50
"""So many calls wait at a time, for each asks the database again and again; further ones are answered at once."""
STATUS = "select pgjobs.partner_job(%s, %s, %s)::text"
PROCESSING = 202


def unknown(asked: str) -> Problem:
    """There is no such job, or it is somebody else's."""
    return Problem(500, "unknown_job", f"Failed to find a job with the given id of [{asked}]", "")


async def ended(request: Request, guid: str) -> str:
    """The row of a job that has ended; of one that has not in time, its row with the job_id."""
    waiting = _waiting(request)
    patience = min(SECONDS, request.app.state.settings.http_patience) if len(waiting) < MOST_WAITING else 0.0
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + patience, FIRST_PAUSE
    waiting.add(guid)
    try:
        while True:
            row = await _row(request, guid, again=clock() < deadline)
            if row is not None and (json.loads(row)["status_code"] != PROCESSING):
                return row
            if clock() >= deadline and row is not None:
                return f'{row.rstrip().removesuffix("}")}, "job_id": {json.dumps(guid)}}}'
            await asyncio.sleep(min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.5, LAST_PAUSE)
    finally:
        waiting.discard(guid)


def _waiting(request: Request) -> set[str]:
    """The jobs that calls of this process wait for."""
    state = request.app.state
    if not hasattr(state, "partners_waiting"):
        state.partners_waiting = set()
    found: set[str] = state.partners_waiting
    return found


async def _row(request: Request, guid: str, *, again: bool) -> str | None:
    """The row of the job; None while the database is away and may be asked again."""
    try:
        row = await value(request, STATUS, guid, actor(request), caller(request).sees_all, reading=True)
    except Unanswered:
        if again:
            # The job is stored, so what became of it can be asked for later.
            return None
        raise
    if row is None:
        raise unknown(guid)
    return str(row)
