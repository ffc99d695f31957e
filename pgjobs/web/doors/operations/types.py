"""Which operations there are."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.body import json_body
from pgjobs.web.calls import answer
from pgjobs.web.doc import Answer, Body, Doc
from pgjobs.web.endpoint import Endpoint

SEARCH_BYTES = 64 * 1024


async def operation_types(request: Request) -> Response:
    """The operations that the registry has for this door."""
    asked = await json_body(request, SEARCH_BYTES)
    call = "select pgjobs.operation_types(%s::jsonb)::text"
    return await answer(request, call, json.dumps(asked.get("filter")), reading=True)


TYPE = {
    "type": "object",
    "required": ["name", "title", "applicableTo", "parameters", "steps"],
    "properties": {
        "name": {"type": "string", "description": "in capitals"},
        "title": {"type": "string"},
        "applicableTo": {"type": "array", "items": {"type": "string"}},
        "parameters": {"type": "object", "required": ["schema"], "properties": {"schema": {}}},
        "steps": {"type": "array", "maxItems": 0},
    },
}

ENDPOINTS = (
    Endpoint(
        "/search/operationTypes",
        operation_types,
        "read",
        ("POST",),
        Doc(
            "the operations that jobs can be made of",
            {200: Answer("each with the JSON Schema of its parameters", {"type": "array", "items": TYPE})},
            body=Body({"type": "object", "properties": {"filter": {"type": ["object", "null"]}}}),
        ),
    ),
)
