"""Errors as Django REST framework writes them: {"phone": ["sentence"]} for a field, {"detail": "sentence"} else."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.errors import Problem, json_response


def render(_request: Request, problem: Problem) -> Response:
    """The sentence with its remedy; the name of a field stands before it once."""
    field = problem.field if problem.status == 400 else None
    sentence = problem.sentence.removeprefix(f"{field}: ") if field else problem.sentence
    said = f"{sentence}; {problem.hint}" if problem.hint else sentence
    body: dict[str, object] = {field: [said]} if field else {"detail": said}
    return json_response(json.dumps(body, ensure_ascii=False), problem.status, problem.headers)
