"""Answers: what SQL has made goes out as it is; an error is {"error", "code", "hint"} with its status."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pgjobs.errors import PgjobsError

logger = logging.getLogger(__name__)
# A plain link changes state here, so no cache may answer in our place.
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
INCOMPLETE = "incomplete_request"


class Problem(PgjobsError):
    """A call whose answer is an error."""

    def __init__(
        self, status: int, code: str, sentence: str, hint: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence, hint)
        self.status = status
        self.code = code
        self.headers = headers or {}

    def answer(self) -> Response:
        """The error as JSON."""
        body = {"error": self.sentence, "code": self.code, "hint": self.hint}
        return json_answer(json.dumps(body, ensure_ascii=False), self.status, self.headers)

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call that comes no further than a middleware."""
        scope.setdefault("state", {})["code"] = self.code
        await self.answer()(scope, receive, send)


def json_answer(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose JSON is written already."""
    return Response(text, status, HEADERS | dict(headers or {}), "application/json")


async def on_problem(request: Request, problem: Exception) -> Response:
    """Answer a refused call."""
    assert isinstance(problem, Problem)  # noqa: S101 - the table of handlers says so, mypy cannot know
    request.state.code = problem.code
    return problem.answer()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a path or a method that no door has."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    if error.status_code == HTTPStatus.NOT_FOUND:
        paths = ", ".join(sorted(getattr(route, "path", "") for route in request.app.routes))
        return Problem(
            404, "unknown_path", f"there is no path {clipped(request.url.path)}", f"the paths are {paths}"
        ).answer()
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "GET")
        sentence = f"{clipped(request.url.path)} does not take {clipped(request.method)}"
        return Problem(405, "wrong_method", sentence, f"use {allowed}", {"Allow": allowed}).answer()
    return Problem(error.status_code, "bad_request", error.detail, "mend the request and send it again").answer()


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Note that the client went away, or was too slow, before its request was complete; nobody reads this answer."""
    assert isinstance(error, ClientDisconnect)  # noqa: S101 - as above
    request.state.code = INCOMPLETE
    return Problem(408, INCOMPLETE, "the request did not come whole", "send it again").answer()


async def on_failure(_request: Request, _error: Exception) -> Response:
    """Answer where we ourselves are wrong; what happened is for the log, not for the caller."""
    return Problem(500, "internal", "the service failed with this call", "look into the log of pgjobs web").answer()


def clipped(value: Any) -> str:
    """A value as an error may repeat it: quoted, and not longer than a line."""
    text = str(value)
    return json.dumps(text if len(text) <= 60 else f"{text[:60]}…", ensure_ascii=False)
