"""How the operations answer: errors in the shape of their contract, and pages that may be empty."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.errors import HEADERS, Problem, json_response

FORBIDDEN, BAD_PARAMETER, OTHER = "0x020002", "0x020006", "0x020001"
CODES = {
    "not_applicable": FORBIDDEN,
    "forbidden_field": FORBIDDEN,
    "bad_parameter": BAD_PARAMETER,
}
"""Our codes whose errors have a code of their own in the contract; all others are OTHER."""


def render(_request: Request, problem: Problem) -> Response:
    """An error as {"errors": [{"code", "message", "context", "hint"}]}."""
    error: dict[str, object] = {"code": CODES.get(problem.code, OTHER), "message": problem.sentence}
    if problem.field:
        error["context"] = [{"name": problem.field}]
    error["hint"] = problem.hint
    text = json.dumps({"errors": [error]}, ensure_ascii=False)
    return json_response(text, problem.status, problem.headers)


def page(text: str | None) -> Response:
    """A page of a list; 204 where it would be empty."""
    return Response(status_code=204, headers=HEADERS) if text is None else json_response(text)
