"""Responses: JSON made by SQL is sent as it is; an error is a Problem, which each door writes in its own shape."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pgjobs.errors import PgjobsError

logger = logging.getLogger(__name__)
# A plain link changes state here, so no cache may answer for us.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
INCOMPLETE = "incomplete_request"
SOON = {"Retry-After": "5"}
"""With each 503: after so many seconds the same request may succeed."""
LATER = {"Retry-After": "60"}
"""The same where somebody has to mend something first."""


class Problem(PgjobsError):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        hint: str,
        headers: Mapping[str, str] | None = None,
        field: str | None = None,
    ) -> None:
        super().__init__(sentence, hint)
        self.status = status
        self.code = code
        self.headers = (SOON if status == 503 else {}) | dict(headers or {})
        self.field = field


Renderer = Callable[[Request, Problem], Response]
"""Writes an error in the shape of a door."""


def json_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response whose JSON is written already."""
    return Response(text, status, HEADERS | dict(headers or {}), "application/json")


def json_problem(_request: Request, problem: Problem) -> Response:
    """An error as {"error", "code", "hint"}."""
    body = {"error": problem.sentence, "code": problem.code, "hint": problem.hint}
    return json_response(json.dumps(body, ensure_ascii=False), problem.status, problem.headers)


def problem_response(request: Request, problem: Problem) -> Response:
    """An error as the door of this request writes it; the access log is given its code."""
    request.state.code = problem.code
    render: Renderer = getattr(request.state, "render", json_problem)
    return render(request, problem)


async def on_problem(request: Request, problem: Exception) -> Response:
    """Answer a refused request."""
    assert isinstance(problem, Problem)  # noqa: S101 - the table of handlers says so, mypy cannot know
    return problem_response(request, problem)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a request that Starlette itself refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    problem = Problem(error.status_code, "bad_request", error.detail, "mend the request and send it again")
    return problem_response(request, problem)


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Note that the client went away, or was too slow, before its request was complete; nobody reads this response."""
    assert isinstance(error, ClientDisconnect)  # noqa: S101 - as above
    return problem_response(request, Problem(408, INCOMPLETE, "the request did not come whole", "send it again"))


async def on_failure(request: Request, _error: Exception) -> Response:
    """Answer where the service itself is wrong; what happened is for the log, not for the caller."""
    hint = "look into the log of pgjobs web"
    return problem_response(request, Problem(500, "internal", "the service failed with this call", hint))


def clipped(value: Any) -> str:
    """A value as an error may repeat it: quoted, and not longer than a line."""
    text = str(value)
    return json.dumps(text if len(text) <= 60 else f"{text[:60]}…", ensure_ascii=False)
