"""The envelope of every answer: what became of the call, and the rows that were found; as JSON or as XML.

A client of this door throws the body of anything but 2xx away, so the HTTP status says only that the credentials are
wrong (401) or that the database is away (503). Everything else is told by status_code in an answer with 200.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doors.partner.arguments import wanted_format
from pgjobs.web.doors.partner.markup import as_xml
from pgjobs.web.errors import HEADERS, Problem

METHOD = "App\\Controllers\\Auth->authenticate"
"""The constant that the gateway gives in each of its answers."""
BELOW_VERSION = re.compile(r"/[0-9]+\.[0-9]+/(.*)", re.DOTALL)
TOLD_BY_HTTP = (401, 503)
DEFECTS = ("bad_schema",)
"""What nobody can do for another reason than the database."""


def rows(request: Request, *found: str) -> Response:
    """An answer with these rows, each of them a JSON text."""
    return _answer(request, 200, "OK", found)


def refusal(request: Request, problem: Problem) -> Response:
    """An answer that says why there are no rows."""
    message = f"{problem.sentence}; {problem.hint}" if problem.hint else problem.sentence
    status = problem.status if problem.status in TOLD_BY_HTTP and problem.code not in DEFECTS else 200
    # Who is told 200 by HTTP is not to wait; a wrong method still has its Allow.
    unfit = "Retry-After" if status != problem.status else None
    headers = {name: text for name, text in problem.headers.items() if name != unfit}
    return _answer(request, problem.status, message, (), status, headers)


def _answer(
    request: Request,
    code: int,
    message: str,
    found: tuple[str, ...],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    form = wanted_format(request)
    at, clock = request.state.began
    response: dict[str, Any] = {
        "status_code": code,
        "message": message,
        "method": METHOD,
        "uri": "" if found else _uri(request),
        "format": form,
        "start_time": at,
        "total_time": time.monotonic() - clock,
        "record_count": len(found),
        "total_count": 0,
    }
    both = HEADERS | getattr(request.state, "cors", {}) | dict(headers or {})
    if form == "xml":
        return Response(as_xml(response, found), status, both, "application/xml")
    # The rows are sent as the database has written them.
    text = f'{{"response": {json.dumps(response, ensure_ascii=False)}, "rows": [{", ".join(found)}]}}'
    return Response(text.encode("utf-8", "replace"), status, both, "application/json")


def _uri(request: Request) -> str:
    """The path behind the version, as the gateway repeats it where a call fails."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    below = BELOW_VERSION.fullmatch(path)
    return below[1] if below else path.lstrip("/")
