"""Searches of jobs, operations and tasks: a page as JSON, a page or everything as a table, or the counts alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pgjobs.web.body import json_body
from pgjobs.web.calls import caller, database, value
from pgjobs.web.doors.operations import searched
from pgjobs.web.doors.operations.answers import page
from pgjobs.web.doors.operations.positions import positions
from pgjobs.web.doors.operations.tables import JSON, Form, lines, wanted_form
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.errors import HEADERS, Problem, clipped, json_response
from pgjobs.web.parameters import query

SEARCH_BYTES = 128 * 1024
PAGE, TABLE_PAGE = 1000, 2000
"""Rows of a page where no size is given, and of a table that are asked of the database at once."""
FLAGS = ("flattened", "utc", "summary", "defaultSorted", "caseSensitive")
TYPES = {
    "devices": "entity.device",
    "subscribers": "entity.subscriber",
    "subscriptions": "entity.subscription",
    "communicationsModules": "entity.commsModule",
}
"""The entities whose operations have a search of their own, as its path calls them."""
Handler = Callable[[Request], Awaitable[Response]]


class Search(NamedTuple):
    """What is searched: jobs, operations or tasks; operations perhaps of one type of entities alone."""

    what: str
    of_type: str | None = None


class Asked(NamedTuple):
    """What a caller asks of a search."""

    search: Search
    body: dict[str, Any]
    flags: dict[str, bool]


def rows(search: Search) -> Handler:
    """The endpoint that shows what is found."""

    async def handler(request: Request) -> Response:
        asked = await _asked(request, search)
        form = wanted_form(request.headers.getlist("accept"))
        if form is JSON:
            return page(await _found(request, asked, as_table=False))
        return await _table(request, asked, form)

    return handler


def counts(search: Search) -> Handler:
    """The endpoint that counts what is found."""

    async def handler(request: Request) -> Response:
        asked = await _asked(request, search)
        call = "select pgjobs.search_summary(%s, %s, %s::jsonb, %s::jsonb)::text"
        arguments = search.what, search.of_type, json.dumps(asked.body), json.dumps(asked.flags)
        return json_response(await value(request, call, *arguments, reading=True))

    return handler


async def _asked(request: Request, search: Search) -> Asked:
    given = query(request, *FLAGS)
    flags = {name: _flag(name, text) for name in FLAGS if (text := given.text(name)) is not None}
    if request.headers.get("content-length") == "0":
        return Asked(search, {}, flags)  # everything in a body may be left out
    return Asked(search, await json_body(request, SEARCH_BYTES), flags)


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Problem(
            400, f"bad_{name}", f"{name}: {clipped(text)} is neither true nor false", "leave it out", field=name
        )
    return text.lower() == "true"


async def _found(request: Request, asked: Asked, *, as_table: bool) -> str | None:
    """What SQL answers for this page, None where it is empty; it is remembered where the next one begins."""
    known = positions(request.app.state)
    series = [caller(request).name, asked.search, asked.flags.get("caseSensitive"), _without_start(asked.body)]
    number = _start(asked.body)
    call = "select answer::text, behind::text from pgjobs.search(%s, %s, %s::jsonb, %s::jsonb, %s, %s::jsonb)"
    given = asked.search.what, asked.search.of_type, json.dumps(asked.body), json.dumps(asked.flags), as_table
    found = await database(request).rows(call, *given, known.find(series, number), reading=True)
    text: str | None = found[0][0]
    known.keep(series, number + 1, found[0][1])
    return text


def _start(body: dict[str, Any]) -> int:
    """The number of the page; what is no number SQL refuses."""
    limit = body.get("limit")
    start = limit.get("start") if isinstance(limit, dict) else None
    return int(start) if isinstance(start, int | str) and str(start).isdecimal() and len(str(start)) < 18 else 1


def _without_start(body: dict[str, Any]) -> dict[str, Any]:
    """A search without the number of its page: the same for all pages of it."""
    limit = body.get("limit")
    return body | {"limit": str(limit.get("size") or PAGE) if isinstance(limit, dict) else str(PAGE)}


async def _table(request: Request, asked: Asked, form: Form) -> Response:
    """A page as a table; without a limit all that is found, a page after the other."""
    whole = asked.body.get("limit") is None
    if whole:
        asked = asked._replace(body=asked.body | {"limit": {"start": 1, "size": TABLE_PAGE}})
    text = await _found(request, asked, as_table=True)
    if text is None:
        return Response(status_code=204, headers=HEADERS)

    first = json.loads(text)

    async def parts() -> AsyncIterator[bytes]:
        yield lines([first["columns"], *first["rows"]], form)
        number, full = 1, whole and len(first["rows"]) == TABLE_PAGE
        while full:
            number += 1
            limit = {"start": number, "size": TABLE_PAGE}
            text = await _found(request, asked._replace(body=asked.body | {"limit": limit}), as_table=True)
            further = json.loads(text)["rows"] if text else []
            yield lines(further, form)
            full = len(further) == TABLE_PAGE

    return StreamingResponse(parts(), 200, HEADERS, form.media)


SEARCHES = {
    "/search/jobs": Search("jobs"),
    "/search/tasks": Search("tasks"),
    "/search/entities/operations/history": Search("operations"),
} | {f"/search/entities/{name}/operations": Search("operations", type_) for name, type_ in TYPES.items()}

ENDPOINTS = tuple(
    endpoint
    for path, search in SEARCHES.items()
    for endpoint in (
        Endpoint(path, rows(search), "read", ("POST",), searched.rows(search.what)),
        Endpoint(f"{path}/summary", counts(search), "read", ("POST",), searched.counts(search.what)),
    )
)
