"""A synchronous call: it is answered when its job has ended, or after half a minute with what the job is then.

Where the process ends meanwhile, or the database is away for so long, the caller gets the GUID all the same.
"""

from __future__ import annotations

import asyncio
import contextlib
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
    waiting, place = _waiting(request), object()
    leaving: asyncio.Event = request.app.state.leaving
    patience = min(SECONDS, request.app.state.settings.http_patience) if len(waiting) < MOST_WAITING else 0.0
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + patience, FIRST_PAUSE
    waiting.add(place)
    try:
        while True:
            row = await _row(request, guid)
            if row is not None and (json.loads(row)["status_code"] != PROCESSING):
                return row
            if clock() >= deadline or leaving.is_set():
                known = f"{row.rstrip().removesuffix('}')}, " if row is not None else "{"
                return f'{known}"job_id": {json.dumps(guid)}}}'
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(leaving.wait(), min(pause, max(0.0, deadline - clock())))
            pause = min(pause * 1.5, LAST_PAUSE)
    finally:
        waiting.discard(place)


def _waiting(request: Request) -> set[object]:
    """A thing for each call of this process that waits; several may wait for one job."""
    state = request.app.state
    if not hasattr(state, "partners_waiting"):
        state.partners_waiting = set()
    found: set[object] = state.partners_waiting
    return found


async def _row(request: Request, guid: str) -> str | None:
    """The row of the job; None while the database is away: the job is stored, so it can be asked for later."""
    try:
        row = await value(request, STATUS, guid, actor(request), caller(request).sees_all, reading=True)
    except Unanswered:
        return None
    if row is None:
        raise unknown(guid)
    return str(row)
