"""The endpoints of the stylesheet and the scripts; all are open, for the sign-in needs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from pgjobs.web.doc import TEXT, Answer, Doc, Query
from pgjobs.web.doors.page.files import KINDS, file
from pgjobs.web.doors.page.render import PAGE_HEADERS
from pgjobs.web.endpoint import Endpoint
from pgjobs.web.parameters import query

FOR_GOOD = "public, max-age=31536000, immutable"
"""What is asked for by its digest never changes."""


def served(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a file."""

    async def serve(request: Request) -> Response:
        """The file, or 304 where the browser has it."""
        asked, found = query(request, "v").text("v"), file(name)
        tag = f'"{found.digest}"'
        keep = FOR_GOOD if asked == found.digest else "no-cache"
        headers = PAGE_HEADERS | {"ETag": tag, "Cache-Control": keep}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(found.content, headers=headers, media_type=found.kind)

    serve.__name__ = name.replace(".", "_")
    return serve


ENDPOINTS = tuple(
    Endpoint(
        f"/static/{name}",
        served(name),
        "open",
        ("GET",),
        Doc(
            "A file that the page needs",
            {200: Answer("The file.", TEXT, kind), 304: Answer("The browser has it.")},
            (Query("v", TEXT, "its digest: with it the answer may be kept for good"),),
        ),
    )
    for name, kind in KINDS.items()
)
